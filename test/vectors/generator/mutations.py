"""Every bit flipped and every length cut (section 8)."""

from . import keyside_v1 as v1
from .document import Document
from .key_blocks import BLOCKS
from .output import CIPHERTEXT_REJECTED, EDEK_MALFORMED, outcome, write

LETTER = {None: "I", EDEK_MALFORMED: "M", CIPHERTEXT_REJECTED: "R"}


def flips(data, judge):
    """One letter for each bit, the highest bit of the first byte first."""
    letters = []
    for at in range(len(data)):
        for bit in (0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01):
            changed = data[:at] + v1.u8(data[at] ^ bit) + data[at + 1 :]
            letters.append(LETTER[outcome(judge, changed)])
    return "".join(letters)


def cuts(data, judge):
    return "".join(LETTER[outcome(judge, data[:length])] for length in range(len(data)))


def mutation_vectors():
    document = Document(
        "short", [(1, b"a", b"1"), (2, b"b", b"2")], label=b"l", pairs=[(b"k", b"v")], holders=[(b"id", b"1", 0, 0)]
    )
    one, two = document.sealed
    given = {"key": document.data_key, "tenant": document.tenant, "label": None, "pairs": document.pairs}

    def judge_edek(edek):
        named = [(f["name"], f["sealed"]) for f in document.sealed]
        opened = v1.open_document("document", edek=edek, fields=named, **given)
        assert opened == [b"1", b"2"]

    def judge_field(name):
        return lambda sealed: v1.open_document("document", edek=document.edek, fields=[(name, sealed)], **given)

    rows = [("edek", document.edek, judge_edek)]
    rows += [("field of version 1", one["sealed"], judge_field(one["name"]))]
    rows += [("field of version 2", two["sealed"], judge_field(two["name"]))]
    documents = [
        {"name": name, "bytes": data, "flipped": flips(data, judge), "cut": cuts(data, judge)} for name, data, judge in rows
    ]
    for row in documents[1:]:
        assert set(row["flipped"] + row["cut"]) == {"R"}
    block_at = 8 * (len(document.edek) - len(document.block))
    assert "I" not in documents[0]["flipped"][:block_at] and set(documents[0]["flipped"][block_at:]) <= {"I", "M"}
    assert set(documents[0]["cut"]) == {"M"}
    blocks = []
    for name, wraps in BLOCKS.items():
        block = v1.key_block(wraps)
        row = {"name": name, "bytes": block, "flipped": flips(block, v1.parse_key_block), "cut": cuts(block, v1.parse_key_block)}
        assert set(row["cut"]) == {"M"}
        blocks.append(row)
    write(
        "mutation.json",
        "Every single bit flipped and every shorter length. `flipped` has a letter for each bit, the highest of the first byte "
        "first; `cut` one for each length from 0. M: EDEK_MALFORMED; R: CIPHERTEXT_REJECTED; I: accepted, with the identical "
        "plaintext. `document`: the whole document with one part changed, opened with the data key given here (so that a changed "
        "wrap is not noticed), the reader stating no label. `keyBlock`: parsed alone.",
        source=[document.vector()],
        document=documents,
        keyBlock=blocks,
    )
