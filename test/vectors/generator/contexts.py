"""Derivation and contexts: `Expand`, section 2."""

from . import keyside_v1 as v1
from .output import COMPOSED, DECOMPOSED, EMOJI, LABEL, LAST_BMP, PAIRS, PRIVATE, REQUEST_INVALID, TENANT, random, refused, write


def expand_vectors():
    valid = []
    for name, info, length in [
        ("empty info, one byte", b"", 1),
        ("empty info, whole block", b"", 64),
        ("short info, 32 bytes", b"info", 32),
        ("short info, 44 bytes: key and nonce", b"info", 44),
        ("info that ends in the counter byte", b"info\x01", 64),
        ("info longer than a block of SHA-512", random("expand/info", 300), 64),
        ("info of 8 KiB", random("expand/long info", 8192), 64),
    ]:
        key = random(f"expand/{name}", 32)
        valid.append({"name": name, "key": key, "info": info, "length": length, "output": v1.expand(key, info, length)})
    key = bytes(32)
    valid.append({"name": "key of zeros", "key": key, "info": b"info", "length": 64, "output": v1.expand(key, b"info", 64)})
    must_fail = []
    for name, size, length in [
        ("empty key", 0, 64),
        ("16-byte key", 16, 64),
        ("31-byte key, which HMAC would pad to the key of zeros", 31, 64),
        ("33-byte key", 33, 64),
        ("64-byte key", 64, 64),
        ("no output", 32, 0),
        ("more than one block", 32, 65),
    ]:
        must_fail.append({"name": name, "key": bytes(size), "info": b"info", "length": length, "reason": "precondition"})
        try:
            v1.expand(bytes(size), b"info", length)
        except ValueError:
            continue
        raise AssertionError(name)
    write("expand.json", "Expand(key, info, L): HKDF-Expand with SHA-512, one block.", valid=valid, mustFail=must_fail)


def context_vectors():
    many = [(f"key{at}".encode(), b"") for at in range(64)]
    rows = [
        ("no pairs", TENANT, LABEL, []),
        ("empty label", TENANT, b"", []),
        ("one pair", TENANT, LABEL, [(b"row", b"7")]),
        ("pairs given out of order", TENANT, LABEL, PAIRS),
        ("empty key and empty value", TENANT, LABEL, [(b"", b"")]),
        ("empty key beside others", TENANT, LABEL, [(b"a", b""), (b"", b"x"), (b"b", b"")]),
        ("a key that begins as another does", TENANT, LABEL, [(b"ab", b"2"), (b"a", b"1"), (b"abc", b"3")]),
        ("upper before lower case", TENANT, LABEL, [(b"a", b"2"), (b"B", b"1"), (b"_", b"3")]),
        ("digits sorted as bytes", TENANT, LABEL, [(b"10", b""), (b"9", b""), (b"1", b"")]),
        ("astral character after the private use area", TENANT, LABEL, [(EMOJI, b"2"), (PRIVATE, b"1")]),
        ("astral character after U+FFFF", TENANT, LABEL, [(EMOJI, b"3"), (LAST_BMP, b"2"), (PRIVATE, b"1"), (b"z", b"0")]),
        ("astral and private use after a common beginning", TENANT, LABEL, [(b"k" + EMOJI, b"2"), (b"k" + PRIVATE, b"1")]),
        ("composed and decomposed are two keys", TENANT, LABEL, [(COMPOSED, b"c"), (DECOMPOSED, b"d")]),
        ("byte order mark is kept", TENANT, LABEL, [(b"\xef\xbb\xbfk", b"\xef\xbb\xbf"), (b"k", b"")]),
        ("NUL and line feed", TENANT, LABEL, [(b"\x00", b"\n"), (b"\x00\x00", b"\x00")]),
        ("names of a JavaScript prototype", TENANT, LABEL, [(b"__proto__", b"1"), (b"constructor", b"2"), (b"toString", b"3")]),
        ("replacement character as such", TENANT, LABEL, [("\ufffd".encode(), b"")]),
        ("one-character tenant", b"a", LABEL, []),
        ("tenant of 128 characters of every kind", b"Az09._:@-" + b"t" * 119, LABEL, []),
        ("label of 1,024 bytes in emoji", TENANT, EMOJI * 256, []),
        ("64 pairs", TENANT, LABEL, many),
        ("one pair of 8 KiB", TENANT, LABEL, [(b"k", b"v" * 8191)]),
        ("one key of 8 KiB", TENANT, LABEL, [(b"k" * 8192, b"")]),
    ]
    valid = [
        {"name": name, "tenant": tenant, "label": label, "pairs": pairs, "context": v1.context(tenant, label, pairs)}
        for name, tenant, label, pairs in rows
    ]
    assert len({vector["context"] for vector in valid}) == len(valid)
    must_fail = []
    for name, tenant, label, pairs in [
        ("65 pairs", TENANT, LABEL, [*many, (b"one more", b"")]),
        ("more than 8 KiB in one value", TENANT, LABEL, [(b"k", b"v" * 8192)]),
        ("more than 8 KiB in all", TENANT, LABEL, [(b"a", b"v" * 4096), (b"b", b"v" * 4095)]),
        ("label of 1,025 bytes", TENANT, b"l" * 1025, []),
        ("value FF", TENANT, LABEL, [(b"k", b"\xff")]),
        ("value FE", TENANT, LABEL, [(b"k", b"\xfe")]),
        ("key FF", TENANT, LABEL, [(b"\xff", b"")]),
        ("key FE", TENANT, LABEL, [(b"\xfe", b"")]),
        ("label FF", TENANT, b"\xff", []),
        ("label FE", TENANT, b"\xfe", []),
        ("overlong NUL", TENANT, LABEL, [(b"k", b"\xc0\x80")]),
        ("UTF-8 of a lone surrogate", TENANT, LABEL, [(b"k", b"\xed\xa0\x80")]),
        ("CESU-8 of an astral character", TENANT, LABEL, [(b"k", b"\xed\xa0\xbd\xed\xb4\x91")]),
        ("beyond U+10FFFF", TENANT, LABEL, [(b"k", b"\xf4\x90\x80\x80")]),
        ("character cut short", TENANT, LABEL, [(b"k", EMOJI[:3])]),
        ("empty tenant", b"", LABEL, []),
        ("tenant of 129 characters", b"t" * 129, LABEL, []),
        ("tenant with a slash", b"acme/2", LABEL, []),
        ("tenant with a line feed at its end", b"acme\n", LABEL, []),
        ("tenant with a letter outside ASCII", "ácme".encode(), LABEL, []),
    ]:
        vector = {"name": name, "tenant": tenant, "label": label, "pairs": pairs}
        must_fail.append(refused(vector, REQUEST_INVALID, lambda args=(tenant, label, pairs): v1.context(*args)))
    write("context.json", "Canonical contexts (section 2). Texts are hex of their bytes.", valid=valid, mustFail=must_fail)


def wrap_context_vectors():
    valid = []
    for name, tenant, configuration, share, n in [
        ("no shares", TENANT, b"acme-primary", 0, 0),
        ("first of two", TENANT, b"acme-primary", 1, 2),
        ("second of two", TENANT, b"acme-primary", 2, 2),
        ("sixteenth of sixteen", TENANT, b"acme-primary", 16, 16),
        ("longest ids", b"t" * 128, b"c" * 128, 0, 0),
        ("border moved one to the left", b"acm", b"eacme-primary", 0, 0),
        ("border moved one to the right", b"acmea", b"cme-primary", 0, 0),
    ]:
        encoded = v1.wrap_context(tenant, configuration, share, n)
        valid.append(
            {"name": name, "tenant": tenant, "configuration": configuration, "share": share, "n": n, "wrapContext": encoded}
        )
    assert len({vector["wrapContext"] for vector in valid}) == len(valid)
    write("wrap-context.json", "What a KMS binds a wrap to (section 2).", valid=valid)
