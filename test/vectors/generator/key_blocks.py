"""Key blocks (section 3)."""

from . import keyside_v1 as v1
from .output import EDEK_MALFORMED, random, refused, write


def some_wrap(label, **parts):
    return v1.wrap(parts.pop("configuration", b"acme-primary"), random(f"block/{label}", parts.pop("size", 16)), **parts)


def shares(numbers, n, configurations=None):
    return [
        some_wrap(
            f"share {number}/{at}", configuration=(configurations or {}).get(at, f"custodian-{at}".encode()), share=number, n=n
        )
        for at, number in enumerate(numbers)
    ]


BLOCKS = {
    "single": [some_wrap("single")],
    "alternatives": [
        some_wrap("alternative 1", provider=2, algorithm=1, version=b"1234abcd-12ab-34cd-56ef-1234567890ab"),
        some_wrap("alternative 2", configuration=b"acme-dr", provider=3, algorithm=1, version=b"12"),
    ],
    "shares": shares([1, 2, 3], 3),
    "shares with an alternative": shares([1, 2, 1], 2),
}


def key_block_vectors():
    valid_rows = BLOCKS | {
        "sixteen alternatives": [some_wrap(f"{at}", configuration=f"key-{at}".encode()) for at in range(16)],
        "sixteen shares": shares(range(1, 17), 16),
        "shares out of order": shares([3, 1, 2], 3),
        "two versions of one configuration": [some_wrap("v1", version=b"1"), some_wrap("v2", version=b"2")],
        "two versions of one configuration under one share": [
            some_wrap("v1", version=b"1", share=1, n=2),
            some_wrap("v2", version=b"2", share=1, n=2),
            some_wrap("other", configuration=b"vendor", share=2, n=2),
        ],
        "empty version": [some_wrap("empty version", provider=5, algorithm=4, version=b"")],
        "version of 64 characters": [some_wrap("long version", version=b"v" * 64)],
        "version with every printable character's ends": [some_wrap("printable", version=b'!~/:\\"')],
        "longest id": [some_wrap("long id", configuration=b"c" * 128)],
        "id of every kind of character": [some_wrap("id", configuration=b"Az09._:@-")],
        "wrapped of one byte": [some_wrap("one byte", size=1)],
        "wrapped of 8,192 bytes": [some_wrap("long", size=8192)],
        "provider and algorithm that no configuration has": [some_wrap("unknown", provider=255, algorithm=0)],
    }
    valid = []
    for name, wraps in valid_rows.items():
        block = v1.key_block(wraps)
        assert v1.parse_key_block(block) == wraps, name
        valid.append({"name": name, "wraps": wraps, "block": block})

    one, two = BLOCKS["single"], BLOCKS["alternatives"]
    single = v1.key_block(one)
    seventeen = [some_wrap(f"{at}", configuration=f"key-{at}".encode()) for at in range(17)]
    beyond = lambda index, length: patched_lp(single, index, length)  # noqa: E731
    rows = [
        ("empty", b""),
        ("count 0", v1.key_block([])),
        ("count 0 before a wrap", v1.key_block(one, count=0)),
        ("count 17 with one wrap", v1.key_block(one, count=17)),
        ("count 17 with 17 wraps", v1.key_block(seventeen)),
        ("count 255 with one wrap", v1.key_block(one, count=255)),
        ("count without wraps", b"\x01"),
        ("count greater than there are wraps", v1.key_block(two, count=3)),
        ("count smaller than there are wraps", v1.key_block(two, count=1)),
        ("trailing byte", single + b"\0"),
        ("trailing wrap", single + v1.encode_wrap(two[1])),
        ("last byte missing", single[:-1]),
        ("configuration id that claims one byte beyond the end", beyond(0, len(single) - 4)),
        ("configuration id that claims 65,535 bytes", beyond(0, 65535)),
        ("version that claims 65,535 bytes", beyond(1, 65535)),
        ("wrapped that claims one byte more than there is", beyond(2, 17)),
        ("wrapped that claims one byte less than there is", beyond(2, 15)),
        ("wrapped that claims 65,535 bytes", beyond(2, 65535)),
        ("length cut in half", single[:-17]),
        ("empty wrapped", v1.key_block([some_wrap("empty", size=0)])),
        ("wrapped of 8,193 bytes", v1.key_block([some_wrap("8193", size=8193)])),
        ("version of 65 characters", v1.key_block([some_wrap("65", version=b"v" * 65)])),
        ("version with a space", v1.key_block([some_wrap("space", version=b"1 2")])),
        ("version with DEL", v1.key_block([some_wrap("del", version=b"\x7f")])),
        ("version with NUL", v1.key_block([some_wrap("nul", version=b"1\0")])),
        ("version outside ASCII", v1.key_block([some_wrap("non-ascii", version="é".encode())])),
        ("empty id", v1.key_block([some_wrap("id", configuration=b"")])),
        ("id of 129 characters", v1.key_block([some_wrap("id", configuration=b"c" * 129)])),
        ("id with a space", v1.key_block([some_wrap("id", configuration=b"acme primary")])),
        ("id with a slash", v1.key_block([some_wrap("id", configuration=b"../acme")])),
        ("id with a line feed at its end", v1.key_block([some_wrap("id", configuration=b"acme\n")])),
        ("id outside ASCII", v1.key_block([some_wrap("id", configuration="ácme".encode())])),
        ("id with an invalid byte", v1.key_block([some_wrap("id", configuration=b"acme\xff")])),
        ("n = 1", v1.key_block(shares([1], 1))),
        ("n = 1 with share 0", v1.key_block(shares([0], 1))),
        ("n = 17", v1.key_block(shares(range(1, 17), 17))),
        ("n = 255", v1.key_block(shares([1, 2], 255))),
        ("share 1 of n = 0", v1.key_block(shares([1], 0))),
        ("shares {2} of 2", v1.key_block(shares([2], 2))),
        ("shares {1, 3} of 3", v1.key_block(shares([1, 3], 3))),
        ("shares {1, 3} of 2", v1.key_block(shares([1, 3], 2))),
        ("shares {0, 1} of 2", v1.key_block(shares([0, 1], 2))),
        ("shares {0, 1, 2} of 2", v1.key_block(shares([0, 1, 2], 2))),
        ("last share missing", v1.key_block(shares([1, 2], 3))),
        ("first share missing", v1.key_block(shares([2, 3], 3))),
        ("one share twice, the other missing", v1.key_block(shares([1, 1], 2))),
        ("a whole key among shares", v1.key_block([*shares([1, 2], 2), some_wrap("whole", configuration=b"whole")])),
        ("shares after a whole key", v1.key_block([some_wrap("whole", configuration=b"whole"), *shares([1, 2], 2)])),
        ("mixed n", v1.key_block([*shares([1, 2], 2), *shares([3], 3, {0: b"third"})])),
        ("mixed n, though the first is complete", v1.key_block([*shares([1, 2], 2), *shares([2], 3, {0: b"third"})])),
        ("whole keys and a share 0 of 2", v1.key_block([some_wrap("whole", configuration=b"whole"), *shares([0], 2)])),
        ("one configuration carries two shares", v1.key_block(shares([1, 2], 2, {0: b"one", 1: b"one"}))),
        (
            "one configuration carries two shares in two versions",
            v1.key_block(
                [some_wrap("a", version=b"1", share=1, n=2), some_wrap("b", version=b"2", share=2, n=2)],
            ),
        ),
        ("the same wrap twice", v1.key_block([*one, *one])),
        ("the same wrap twice with other bytes", v1.key_block([*one, some_wrap("other bytes")])),
        (
            "the same wrap twice under another provider",
            v1.key_block([*one, some_wrap("other provider", provider=2, algorithm=1)]),
        ),
        ("the same share wrap twice", v1.key_block(shares([1, 2, 2], 2, {1: b"same", 2: b"same"}))),
    ]
    must_fail = [
        refused({"name": name, "block": block}, EDEK_MALFORMED, lambda b=block: v1.parse_key_block(b)) for name, block in rows
    ]
    write("key-block.json", "Key blocks (section 3), parsed alone.", valid=valid, mustFail=must_fail)


def patched_lp(block, index, length):
    """The block of one wrap with the length of its index-th LP changed (0 configuration id, 1 version, 2 wrapped)."""
    at = 3
    for before_it in (0, 2)[:index]:
        at += 2 + int.from_bytes(block[at : at + 2], "big") + before_it
    return block[:at] + v1.u16(length) + block[at + 2 :]
