"""A second implementation of docs/format.md, written from that page alone and sharing nothing with the daemon.

It is here to be compared with: slow, short, strict, and complete where the page is (documents and object headers; bodies are in bodies.py).
Texts are bytes throughout, so that nothing can be normalised, replaced or re-ordered on the way.
"""

import hashlib
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ID = re.compile(rb"[A-Za-z0-9._:@-]{1,128}")
LOCAL = 5  # algorithm


class InvalidRequest(Exception):
    """What the caller says cannot be encoded: REQUEST_INVALID."""


class Malformed(Exception):
    """The stored bytes are no EDEK or object header: EDEK_MALFORMED."""


class Rejected(Exception):
    """Everything that fails after parsing: CIPHERTEXT_REJECTED."""


# Notation


def u8(number):
    return number.to_bytes(1, "big")


def u16(number):
    return number.to_bytes(2, "big")


def lp(x):
    return u16(len(x)) + x


def expand(key, info, length):
    if len(key) != 32 or not 1 <= length <= 64:
        raise ValueError("Expand takes a 32-byte key and yields 1 to 64 bytes")
    return hmac.new(key, info + b"\x01", hashlib.sha512).digest()[:length]


def is_utf8(x):
    try:
        x.decode("utf-8", "strict")
        return True
    except UnicodeDecodeError:
        return False


# Section 2


def context(tenant, label, pairs):
    """`pairs` is a list of (key, value) in any order."""
    if not ID.fullmatch(tenant):
        raise InvalidRequest("tenant id")
    if len(label) > 1024 or not is_utf8(label):
        raise InvalidRequest("data label")
    if len(pairs) > 64 or sum(len(key) + len(value) for key, value in pairs) > 8 * 1024:
        raise InvalidRequest("size of the context")
    if len({key for key, _ in pairs}) != len(pairs):
        raise InvalidRequest("keys are distinct")
    if not all(is_utf8(key) and is_utf8(value) for key, value in pairs):
        raise InvalidRequest("UTF-8")
    out = lp(b"tenant") + lp(tenant) + lp(label) + u16(len(pairs))
    for key, value in sorted(pairs):
        out += lp(key) + lp(value)
    return out


def wrap_context(tenant, configuration, share, n):
    return b"keyside.dev/wrap@v1\0" + lp(tenant) + lp(configuration) + u8(share) + u8(n)


# Section 3


def wrap(configuration, wrapped, provider=1, algorithm=LOCAL, version=b"1", share=0, n=0):
    return {
        "provider": provider,
        "algorithm": algorithm,
        "configuration": configuration,
        "version": version,
        "share": share,
        "n": n,
        "wrapped": wrapped,
    }


def encode_wrap(w):
    return (
        u8(w["provider"])
        + u8(w["algorithm"])
        + lp(w["configuration"])
        + lp(w["version"])
        + u8(w["share"])
        + u8(w["n"])
        + lp(w["wrapped"])
    )


def key_block(wraps, count=None):
    return u8(len(wraps) if count is None else count) + b"".join(encode_wrap(w) for w in wraps)


class Input:
    def __init__(self, data):
        self.rest = data

    def take(self, count):
        if count > len(self.rest):
            raise Malformed("the input ends early")
        head, self.rest = self.rest[:count], self.rest[count:]
        return head

    def u8(self):
        return self.take(1)[0]

    def lp(self):
        return self.take(int.from_bytes(self.take(2), "big"))


def parse_key_block(data):
    source = Input(data)
    count = source.u8()
    if not 1 <= count <= 16:
        raise Malformed("count")
    wraps = []
    for _ in range(count):
        provider, algorithm, configuration, version = source.u8(), source.u8(), source.lp(), source.lp()
        share, n, wrapped = source.u8(), source.u8(), source.lp()
        if not ID.fullmatch(configuration):
            raise Malformed("configuration id")
        if not re.fullmatch(rb"[\x21-\x7e]{0,64}", version):
            raise Malformed("key version")
        if not 1 <= len(wrapped) <= 8192:
            raise Malformed("wrapped")
        wraps.append(wrap(configuration, wrapped, provider, algorithm, version, share, n))
    if source.rest:
        raise Malformed("trailing bytes")
    check_shares(wraps)
    return wraps


def check_shares(wraps):
    kinds = {w["n"] for w in wraps}
    if len(kinds) != 1:
        raise Malformed("mixed kinds")
    n = kinds.pop()
    if n == 0:
        if any(w["share"] != 0 for w in wraps):
            raise Malformed("a share of nothing")
    else:
        if not 2 <= n <= 16 or {w["share"] for w in wraps} != set(range(1, n + 1)):
            raise Malformed("shares are not 1..n")
        if len({(w["configuration"], w["share"]) for w in wraps}) != len({w["configuration"] for w in wraps}):
            raise Malformed("one configuration carries two shares")
    if len({(w["configuration"], w["version"], w["share"]) for w in wraps}) != len(wraps):
        raise Malformed("duplicate")


def local_wrap(kek, key, context_bytes, salt):
    both = expand(kek, b"keyside.dev/local@v1\0" + salt + context_bytes, 44)
    return salt + AESGCM(both[:32]).encrypt(both[32:], key, None)


def local_unwrap(kek, wrapped, context_bytes):
    if len(wrapped) != 72:
        raise Rejected("a local wrap is 72 bytes")
    both = expand(kek, b"keyside.dev/local@v1\0" + wrapped[:24] + context_bytes, 44)
    try:
        key = AESGCM(both[:32]).decrypt(both[32:], wrapped[24:], None)
    except InvalidTag:
        raise Rejected("local wrap") from None
    if len(key) != 32:
        raise Rejected("not 32 bytes")
    return key


def kwp_payload(key, context_bytes):
    return key + hashlib.sha512(context_bytes).digest()[:32]


def rsa_payload(key, context_bytes, origin_key):
    return key + hmac.new(origin_key, context_bytes + key, hashlib.sha512).digest()[:32]


def xor(parts):
    out = bytes(32)
    for part in parts:
        out = bytes(a ^ b for a, b in zip(out, part, strict=True))
    return out


# Sections 4 and 5

MAGIC = {"document": b"KD", "object": b"KO"}


def derive(kind, key, salt, context_bytes):
    """The document's or object's key, and the commitment."""
    info = b"keyside.dev/" + kind.encode() + b"@v1\0" + u8(1) + salt + context_bytes
    both = expand(key, info, 64)
    return both[:32], both[32:]


def header(kind, label, salt, commitment, block):
    return MAGIC[kind] + u8(1) + u8(1) + lp(label) + salt + commitment + block


def parse_header(data):
    if len(data) > 65536:
        raise Malformed("too large")
    source = Input(data)
    magic = source.take(2)
    kind = next((kind for kind, value in MAGIC.items() if value == magic), None)
    if kind is None or source.u8() != 1 or source.u8() != 1:
        raise Malformed("magic, version or suite")
    label = source.lp()
    if len(label) > 1024 or not is_utf8(label):
        raise Malformed("data label")
    salt, commitment = source.take(24), source.take(32)
    return {
        "kind": kind,
        "label": label,
        "salt": salt,
        "commitment": commitment,
        "wraps": parse_key_block(source.rest),
        "block": source.rest,
    }


def seal_new_field(field_key, name, plaintext, nonce):
    aad = b"keyside.dev/field@v1\0" + name
    return u8(1) + nonce + AESGCM(field_key).encrypt(nonce, plaintext, aad)


def added_field_key(key, document_salt, salt, context_bytes):
    both = expand(key, b"keyside.dev/field@v2\0" + u8(1) + document_salt + salt + context_bytes, 44)
    return both[:32], both[32:]


def seal_added_field(key, document_salt, context_bytes, name, plaintext, salt):
    field_key, nonce = added_field_key(key, document_salt, salt, context_bytes)
    return u8(2) + salt + AESGCM(field_key).encrypt(nonce, plaintext, b"keyside.dev/field@v2\0" + name)


def open_field(key, field_key, document_salt, context_bytes, name, sealed):
    version = sealed[:1]
    if version == u8(1) and len(sealed) >= 29:
        nonce, rest, aad = sealed[1:13], sealed[13:], b"keyside.dev/field@v1\0" + name
    elif version == u8(2) and len(sealed) >= 41:
        rest, aad = sealed[25:], b"keyside.dev/field@v2\0" + name
        field_key, nonce = added_field_key(key, document_salt, sealed[1:25], context_bytes)
    else:
        raise Rejected("field's version or length")
    try:
        return AESGCM(field_key).decrypt(nonce, rest, aad)
    except InvalidTag:
        raise Rejected("field") from None


def open_document(kind, edek, key, tenant, label, pairs, fields):
    """All of the plaintexts, or an exception. `label` is None where the reader states none."""
    parsed = parse_header(edek)
    if parsed["kind"] != kind:
        raise Malformed("magic")
    if label is not None and label != parsed["label"]:
        raise Rejected("label")
    context_bytes = context(tenant, parsed["label"], pairs)
    own_key, commitment = derive(kind, key, parsed["salt"], context_bytes)
    if not hmac.compare_digest(commitment, parsed["commitment"]):
        raise Rejected("commitment")
    return [open_field(key, own_key, parsed["salt"], context_bytes, name, sealed) for name, sealed in fields]
