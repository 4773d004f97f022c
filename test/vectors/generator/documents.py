"""Documents and object headers that open, and that must not (sections 4 and 5)."""

from . import keyside_v1 as v1
from .document import Document
from .key_blocks import BLOCKS
from .output import (
    CIPHERTEXT_REJECTED,
    COMPOSED,
    DECOMPOSED,
    EDEK_MALFORMED,
    EMOJI,
    LABEL,
    OTHER_TENANT,
    PRIVATE,
    REQUEST_INVALID,
    TENANT,
    random,
    refused,
    write,
)


def valid_documents():
    both = [(1, b"name", b"Ada"), (2, b"email", b"ada@example.com")]
    return [
        Document("no fields", []),
        Document("one field of version 1", [(1, b"name", b"Ada")]),
        Document("one field of version 2", [(2, b"name", b"Ada")]),
        Document("both versions", both),
        Document("empty values", [(1, b"v1", b""), (2, b"v2", b"")]),
        Document("empty name", [(1, b"", b"nameless"), (2, b"", b"nameless")]),
        Document("empty name and empty value", [(1, b"", b""), (2, b"", b"")]),
        Document(
            "names of a JavaScript prototype",
            [(1, b"__proto__", b"1"), (1, b"constructor", b"2"), (2, b"__proto__", b"3"), (2, b"hasOwnProperty", b"4")],
        ),
        Document(
            "emoji, byte order mark and NUL in names", [(1, EMOJI, b"key"), (1, b"\xef\xbb\xbfn", b"bom"), (2, b"a\0b", b"nul")]
        ),
        Document("composed and decomposed names", [(1, COMPOSED, b"c"), (1, DECOMPOSED, b"d")]),
        Document("name of 65,535 bytes", [(1, b"n" * 65535, b"long")]),
        Document("value beyond a block of AES", [(1, b"v1", random("value", 100)), (2, b"v2", random("value", 100))]),
        Document("empty label", both, label=b""),
        Document("label of 1,024 bytes", both, label=b"l" * 1024),
        Document("label with a byte order mark", both, label=b"\xef\xbb\xbflabel"),
        Document("no pairs", both, pairs=[]),
        Document("astral and private use keys in the context", both, pairs=[(EMOJI, b"2"), (PRIVATE, b"1")]),
        Document("longest tenant id", both, tenant=b"t" * 128),
        Document("alternatives", both, holders=[(b"acme-primary", b"1", 0, 0), (b"acme-dr", b"7", 0, 0)]),
        Document("two shares", both, holders=[(b"acme-primary", b"1", 1, 2), (b"vendor", b"1", 2, 2)]),
        Document(
            "three shares out of order, one with an alternative",
            both,
            holders=[(b"third", b"1", 3, 3), (b"first", b"1", 1, 3), (b"second", b"1", 2, 3), (b"first-dr", b"4", 1, 3)],
        ),
        Document("wraps of services, opaque here", both, wraps=BLOCKS["alternatives"]),
    ]


def failing_opens(base):
    """(name, changed arguments of open, reason). `base` has a field of either version."""
    one, two = base.sealed
    named = [(f["name"], f["sealed"]) for f in base.sealed]
    sibling = Document("sibling under the same data key", base.fields, lease=base.lease)
    other = Document("another document under another data key", base.fields)
    opaque = Document("object under the same data key", [], kind="object", lease=base.lease)
    e, block, prefix = base.edek, base.block, base.edek[: -len(base.block)]
    at_label = 4
    salt_at = at_label + 2 + len(base.label)

    def edek(label=base.label, salt=base.salt, commitment=base.commitment, magic=b"KD", version=1, suite=1, key_block=block):
        return magic + v1.u8(version) + v1.u8(suite) + v1.lp(label) + salt + commitment + key_block

    assert edek() == e
    malformed = [
        ("empty edek", b""),
        ("magic alone", b"KD"),
        ("magic KX", edek(magic=b"KX")),
        ("magic in lower case", edek(magic=b"kd")),
        ("magic reversed", edek(magic=b"DK")),
        ("version 0", edek(version=0)),
        ("version 2", edek(version=2)),
        ("version 255", edek(version=255)),
        ("suite 0", edek(suite=0)),
        ("suite 2", edek(suite=2)),
        ("suite 255", edek(suite=255)),
        ("label that claims 65,535 bytes", e[:at_label] + b"\xff\xff" + e[at_label + 2 :]),
        ("label that claims one byte beyond the end", e[:at_label] + v1.u16(len(e) - 5) + e[at_label + 2 :]),
        ("label of 1,025 bytes", edek(label=b"l" * 1025)),
        ("label FF", edek(label=b"\xff")),
        ("label of an overlong NUL", edek(label=b"\xc0\x80")),
        ("label of a lone surrogate", edek(label=b"\xed\xa0\x80")),
        ("salt cut short", e[: salt_at + 23]),
        ("commitment cut short", e[: salt_at + 24 + 31]),
        ("key block missing", prefix),
        ("count 0", prefix + b"\0"),
        ("count 17", prefix + b"\x11" + block[1:]),
        ("count 255", prefix + b"\xff" + block[1:]),
        ("trailing byte", e + b"\0"),
        ("the edek twice", e + e),
        ("last byte missing", e[:-1]),
    ]
    for name, data in malformed:
        yield name, {"edek": data}, EDEK_MALFORMED

    yield "another data key", {"key": other.data_key}, CIPHERTEXT_REJECTED
    yield "data key of zeros", {"key": bytes(32)}, CIPHERTEXT_REJECTED
    yield "another tenant", {"tenant": OTHER_TENANT}, CIPHERTEXT_REJECTED
    yield "tenant in upper case", {"tenant": b"ACME"}, CIPHERTEXT_REJECTED
    yield "another label stated", {"label": b"other"}, CIPHERTEXT_REJECTED
    yield "another label stored", {"edek": edek(label=b"invoicez"), "label": None}, CIPHERTEXT_REJECTED
    yield "another label stored and stated", {"edek": edek(label=b"other"), "label": b"other"}, CIPHERTEXT_REJECTED
    for name, pairs in [
        ("no context", []),
        ("a pair missing", base.pairs[:1]),
        ("a pair more", [*base.pairs, (b"", b"")]),
        ("another value", [(b"row", b"8"), (b"region", b"eu")]),
        ("another key", [(b"Row", b"7"), (b"region", b"eu")]),
        ("values exchanged", [(b"row", b"eu"), (b"region", b"7")]),
        ("border between key and value moved", [(b"row7", b""), (b"region", b"eu")]),
        ("border between pairs moved", [(b"row", b"7region"), (b"", b"eu")]),
        ("value in another normal form", [(b"row", "\uff17".encode()), (b"region", b"eu")]),
    ]:
        yield name, {"pairs": pairs}, CIPHERTEXT_REJECTED
    for byte in (b"\xff", b"\xfe"):
        yield f"context value {byte.hex().upper()}", {"pairs": [(b"row", byte), (b"region", b"eu")]}, REQUEST_INVALID
    yield "another salt", {"edek": edek(salt=sibling.salt)}, CIPHERTEXT_REJECTED
    yield "another commitment", {"edek": edek(commitment=sibling.commitment)}, CIPHERTEXT_REJECTED
    yield "commitment of zeros", {"edek": edek(commitment=bytes(32)), "fields": []}, CIPHERTEXT_REJECTED
    yield "object header in place of the edek", {"edek": opaque.edek, "fields": []}, EDEK_MALFORMED
    yield "object header under the magic of a document", {"edek": b"KD" + opaque.edek[2:], "fields": []}, CIPHERTEXT_REJECTED
    yield "edek under the magic of an object", {"edek": edek(magic=b"KO")}, EDEK_MALFORMED
    yield "edek of a sibling under the same data key", {"edek": sibling.edek}, CIPHERTEXT_REJECTED
    for version, f in ((1, one), (2, two)):
        only = [(f["name"], f["sealed"])]
        yield f"version {version} field under a sibling's edek", {"edek": sibling.edek, "fields": only}, CIPHERTEXT_REJECTED
        yield (
            f"version {version} field under another document's edek",
            {"edek": other.edek, "key": other.data_key, "fields": only},
            CIPHERTEXT_REJECTED,
        )
    yield (
        "fields exchanged by name",
        {"fields": [(one["name"], two["sealed"]), (two["name"], one["sealed"])]},
        CIPHERTEXT_REJECTED,
    )
    yield (
        "one good field and one under its neighbour's name",
        {"fields": [named[0], (two["name"], one["sealed"])]},
        CIPHERTEXT_REJECTED,
    )
    for version, f in ((1, one), (2, two)):
        name, sealed = f["name"], f["sealed"]
        minimum = 29 if version == 1 else 41
        changed = [
            ("under another name", b"other", sealed),
            ("under its name in upper case", name.upper(), sealed),
            ("under its name and a NUL", name + b"\0", sealed),
            ("under no name", b"", sealed),
            (f"called version {3 - version}", name, v1.u8(3 - version) + sealed[1:]),
            ("called version 0", name, v1.u8(0) + sealed[1:]),
            ("called version 3", name, v1.u8(3) + sealed[1:]),
            ("called version 255", name, v1.u8(255) + sealed[1:]),
            ("with a byte more", name, sealed + b"\0"),
            ("with a byte more in front", name, b"\0" + sealed),
            ("without its version", name, sealed[1:]),
            ("without its last byte", name, sealed[:-1]),
            ("with its tag cut to 12 bytes", name, sealed[:-4]),
            ("with its tag cut to 4 bytes", name, sealed[:-12]),
            ("without its tag", name, sealed[:-16]),
            ("with a tag of zeros", name, sealed[:-16] + bytes(16)),
            ("with a zeroed ciphertext", name, sealed[: minimum - 16] + bytes(len(sealed) - minimum) + sealed[-16:]),
        ]
        for what, n, data in changed:
            yield f"version {version} field {what}", {"fields": [(n, data)]}, CIPHERTEXT_REJECTED
        for length in range(41):
            data = v1.u8(version) + random(f"field of {length}", 40)
            yield f"version {version} field of {length} bytes", {"fields": [(name, data[:length])]}, CIPHERTEXT_REJECTED
        empty = base.seal(90 + version, version, name, b"")["sealed"]
        assert len(empty) == minimum
        yield f"version {version} field one byte shorter than the least", {"fields": [(name, empty[:-1])]}, CIPHERTEXT_REJECTED
    as_new = v1.u8(1) + two["sealed"][1:13] + two["sealed"][25:]
    yield "version 2 field in version 1's form", {"fields": [(two["name"], as_new)]}, CIPHERTEXT_REJECTED
    for version, f in ((1, one), (2, two)):
        for what, aad in [
            ("no additional data", b""),
            ("its name alone as additional data", f["name"]),
            ("the other version's additional data", b"keyside.dev/field@v%d\0" % (3 - version) + f["name"]),
            ("no NUL in its additional data", b"keyside.dev/field@v%d" % version + f["name"]),
        ]:
            data = base.seal_with(version, f["fresh"], f["plaintext"], aad)
            yield f"version {version} field with {what}", {"fields": [(f["name"], data)]}, CIPHERTEXT_REJECTED


def document_vectors():
    base = Document("base", [(1, b"name", b"Ada"), (2, b"email", b"ada@example.com")], lease="base lease")
    valid = [document.vector() for document in [*valid_documents(), base]]
    must_fail, names = [], [(f["name"], f["sealed"]) for f in base.sealed]
    for name, change, reason in failing_opens(base):
        given = {"edek": base.edek, "key": base.data_key, "tenant": TENANT, "label": LABEL, "pairs": base.pairs, "fields": names}
        given |= change
        vector = {
            "name": name,
            "tenant": given["tenant"],
            "label": given["label"],
            "pairs": given["pairs"],
            "dataKey": given["key"],
            "edek": given["edek"],
            "fields": [{"name": n, "sealed": sealed} for n, sealed in given["fields"]],
        }
        must_fail.append(refused(vector, reason, lambda g=given: v1.open_document("document", **g)))
    write(
        "document.json",
        "Documents (section 4). `key` is the field key; `fresh` the nonce (version 1) or salt (version 2); `keks` open the wraps "
        "of algorithm 5. Must-fail: opened with the data key given here; `label` is what the reader states, or null.",
        valid=valid,
        mustFail=must_fail,
    )


def object_vectors():
    documents = [
        Document("object header", [], kind="object"),
        Document("object header without label and context", [], kind="object", label=b"", pairs=[]),
        Document(
            "object header with shares", [], kind="object", holders=[(b"acme-primary", b"1", 1, 2), (b"vendor", b"1", 2, 2)]
        ),
    ]
    base = documents[0]
    valid = [document.vector() for document in documents]
    edek = base.edek
    as_edek = Document("edek", [], lease=base.name).edek
    must_fail = []
    for name, data, change, reason in [
        ("magic KX", b"KX" + edek[2:], {}, EDEK_MALFORMED),
        ("version 2", edek[:2] + b"\x02" + edek[3:], {}, EDEK_MALFORMED),
        ("suite 2", edek[:3] + b"\x02" + edek[4:], {}, EDEK_MALFORMED),
        ("trailing byte", edek + b"\0", {}, EDEK_MALFORMED),
        ("last byte missing", edek[:-1], {}, EDEK_MALFORMED),
        ("an edek under the same data key", as_edek, {}, EDEK_MALFORMED),
        ("header under the magic of a document", b"KD" + edek[2:], {}, EDEK_MALFORMED),
        ("an edek under the magic of an object", b"KO" + as_edek[2:], {}, CIPHERTEXT_REJECTED),
        ("another tenant", edek, {"tenant": OTHER_TENANT}, CIPHERTEXT_REJECTED),
        ("another label", edek, {"label": b"other"}, CIPHERTEXT_REJECTED),
        ("another context", edek, {"pairs": []}, CIPHERTEXT_REJECTED),
        ("another data key", edek, {"key": bytes(32)}, CIPHERTEXT_REJECTED),
    ]:
        given = {"key": base.data_key, "tenant": TENANT, "label": LABEL, "pairs": base.pairs} | change
        vector = {
            "name": name,
            "tenant": given["tenant"],
            "label": given["label"],
            "pairs": given["pairs"],
            "dataKey": given["key"],
            "edek": data,
        }
        must_fail.append(refused(vector, reason, lambda d=data, g=given: v1.open_document("object", edek=d, fields=[], **g)))
    write(
        "object-header.json", "Headers of sealed objects (section 5). `key` is the object key.", valid=valid, mustFail=must_fail
    )
