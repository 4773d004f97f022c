"""What the vectors have in common: their random bytes, their form, and the check of each must-fail vector."""

import hashlib
import json
import pathlib

from . import keyside_v1 as v1

SEED = "keyside test vectors 1"
FOLDER = pathlib.Path(__file__).parent.parent

REQUEST_INVALID, EDEK_MALFORMED, CIPHERTEXT_REJECTED = "REQUEST_INVALID", "EDEK_MALFORMED", "CIPHERTEXT_REJECTED"
REASON_OF = {
    v1.InvalidRequest: REQUEST_INVALID,
    v1.Malformed: EDEK_MALFORMED,
    v1.Rejected: CIPHERTEXT_REJECTED,
}


def random(label, count):
    """Bytes that depend on the seed and the label alone, so that a new vector changes no other."""
    return hashlib.shake_256(f"{SEED}/{label}".encode()).digest(count)


def outcome(call, *arguments):
    """The reason for which the second implementation refuses, or None."""
    try:
        call(*arguments)
        return None
    except tuple(REASON_OF) as error:
        return REASON_OF[type(error)]


def refused(vector, reason, call):
    """The must-fail vector, after the second implementation refused it for that very reason."""
    actual = outcome(call)
    assert actual == reason, (vector["name"], actual)
    return {**vector, "reason": reason}


def hexed(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hexed(item) for item in value]
    return value


def write(file, description, **groups):
    names = [vector["name"] for vectors in groups.values() for vector in vectors]
    assert len(set(names)) == len(names), f"{file}: two vectors of one name"
    head = {
        "description": description,
        "format": "keyside v1",
        "source": f'test/vectors/generate.py, seed "{SEED}"',
    }
    text = json.dumps(head | hexed(groups), indent=1, ensure_ascii=True)
    (FOLDER / file).write_text(text + "\n", encoding="ascii")
    print(f"{file}: " + ", ".join(f"{len(vectors)} {group}" for group, vectors in groups.items()))


# Texts with a trap in them

EMOJI = "\U0001f511".encode()  # U+1F511: above all of the BMP in UTF-8, below U+E000..U+FFFF in UTF-16
PRIVATE = "\ue000".encode()
LAST_BMP = "\uffff".encode()
COMPOSED, DECOMPOSED = "\u00e9".encode(), "e\u0301".encode()
TENANT, OTHER_TENANT, LABEL = b"acme", b"acme2", b"invoices"
PAIRS = [(b"row", b"7"), (b"region", b"eu")]
