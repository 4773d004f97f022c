"""Key blocks that parse, opened from their KEKs: alternatives and shares (section 3)."""

from . import keyside_v1 as v1
from .document import Document
from .output import CIPHERTEXT_REJECTED, LABEL, OTHER_TENANT, PAIRS, TENANT, random, refused, write


def unwrap_vectors():
    """Blocks that parse and whose wraps do not yield the data key, for whoever unwraps as well."""
    holders = [(b"acme-primary", b"1", 1, 2), (b"vendor", b"1", 2, 2)]
    base = Document("base", [(1, b"name", b"Ada")], holders=holders)
    first, second = v1.parse_key_block(base.block)
    other = Document("other", [], holders=holders)
    stranger = v1.parse_key_block(other.block)
    whole = Document("whole", [(1, b"name", b"Ada")], holders=[(b"acme-primary", b"1", 0, 0), (b"acme-dr", b"1", 0, 0)])
    left, right = v1.parse_key_block(whole.block)
    foreign = v1.local_wrap(
        whole.keks[0]["kek"], other.data_key, v1.wrap_context(TENANT, b"acme-primary", 0, 0), random("foreign", 24)
    )

    def vector(document, name, wraps, tenant=TENANT):
        edek = v1.header("document", LABEL, document.salt, document.commitment, v1.key_block(wraps))
        fields = [{"name": f["name"], "sealed": f["sealed"]} for f in document.sealed]
        return {
            "name": name,
            "tenant": tenant,
            "label": LABEL,
            "pairs": PAIRS,
            "keks": document.keks,
            "edek": edek,
            "fields": fields,
        }

    def opens(given):
        parsed = v1.parse_header(given["edek"])
        for key in unwrapped(parsed, given):
            try:
                named = [(f["name"], f["sealed"]) for f in given["fields"]]
                v1.open_document("document", given["edek"], key, given["tenant"], given["label"], given["pairs"], named)
                return
            except v1.Rejected:
                continue
        raise v1.Rejected("no combination opens")

    exchanged = [first | {"share": 2}, second | {"share": 1}]
    valid = [
        vector(base, "shares in the other order", [second, first]),
        vector(whole, "first alternative damaged", [left | {"wrapped": bytes(72)}, right]),
        vector(whole, "first alternative holds another data key", [left | {"wrapped": foreign}, right]),
    ]
    for good in valid:
        opens(good)
    rows = [
        vector(base, "share numbers exchanged", exchanged),
        vector(
            base,
            "wraps exchanged between shares",
            [first | {"wrapped": second["wrapped"]}, second | {"wrapped": first["wrapped"]}],
        ),
        vector(base, "a share of another document", [first, second | {"wrapped": stranger[1]["wrapped"]}]),
        vector(base, "a share relabelled as a whole key", [first | {"share": 0, "n": 0}]),
        vector(whole, "a whole key relabelled as a share", [left | {"share": 1, "n": 2}, right | {"share": 2, "n": 2}]),
        vector(whole, "both alternatives damaged", [left | {"wrapped": bytes(72)}, right | {"wrapped": bytes(72)}]),
        vector(whole, "the only wrap holds another data key", [left | {"wrapped": foreign}]),
        vector(whole, "a wrap under another configuration's id", [right | {"configuration": b"acme-primary"}]),
        vector(whole, "another tenant", [left, right], tenant=OTHER_TENANT),
    ]
    must_fail = [refused(given, CIPHERTEXT_REJECTED, lambda g=given: opens(g)) for given in rows]
    write(
        "unwrap.json",
        "EDEKs whose key blocks parse, opened from the KEKs (algorithm 5): combinations of alternatives and shares.",
        valid=valid,
        mustFail=must_fail,
    )


def unwrapped(parsed, given):
    """Every data key that some combination of the wraps yields, in stored order."""
    keks = {(k["configuration"], k["version"]): k["kek"] for k in given["keks"]}
    parts = {}
    for w in parsed["wraps"]:
        try:
            bound = v1.wrap_context(given["tenant"], w["configuration"], w["share"], w["n"])
            part = v1.local_unwrap(keks[w["configuration"], w["version"]], w["wrapped"], bound)
            parts.setdefault(w["share"], []).append(part)
        except (KeyError, v1.Rejected):
            continue
    combinations = [[]]
    for number in range(1, parsed["wraps"][0]["n"] + 1) or [0]:
        combinations = [[*chosen, part] for chosen in combinations for part in parts.get(number, [])]
    return [v1.xor(chosen) for chosen in combinations]
