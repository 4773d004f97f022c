"""Wraps of one key (section 3)."""

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding, aes_key_wrap_with_padding

from . import keyside_v1 as v1
from .output import CIPHERTEXT_REJECTED, OTHER_TENANT, TENANT, random, refused, write


def wrap_vectors():
    local, kwp, rsa, must_fail = [], [], [], []
    bindings = [
        ("no shares", TENANT, b"acme-primary", 0, 0),
        ("second share of three", TENANT, b"vendor-eu", 2, 3),
        ("a second tenant", OTHER_TENANT, b"acme-primary", 0, 0),
    ]
    for name, tenant, configuration, share, n in bindings:
        bound = {"tenant": tenant, "configuration": configuration, "share": share, "n": n}
        context = v1.wrap_context(tenant, configuration, share, n)
        key, kek, salt = (random(f"wrap/{name}/{what}", size) for what, size in (("key", 32), ("kek", 32), ("salt", 24)))
        wrapped = v1.local_wrap(kek, key, context, salt)
        assert v1.local_unwrap(kek, wrapped, context) == key
        local.append({"name": f"local: {name}", **bound, "kek": kek, "dataKey": key, "salt": salt, "wrapped": wrapped})
        payload = v1.kwp_payload(key, context)
        wrapped = aes_key_wrap_with_padding(kek, payload)
        assert aes_key_unwrap_with_padding(kek, wrapped) == payload
        kwp.append({"name": f"AES-KWP: {name}", **bound, "kek": kek, "dataKey": key, "payload": payload, "wrapped": wrapped})
        origin = random(f"wrap/{name}/origin key", 32)
        payload = v1.rsa_payload(key, context, origin)
        rsa.append({"name": f"RSA: {name}", **bound, "originKey": origin, "dataKey": key, "payload": payload})

    tenant, configuration = TENANT, b"acme-primary"
    key, kek, salt = random("wrap/bad/key", 32), random("wrap/bad/kek", 32), random("wrap/bad/salt", 24)
    context = v1.wrap_context(tenant, configuration, 1, 2)
    good = v1.local_wrap(kek, key, context, salt)
    bad = [
        ("another tenant", OTHER_TENANT, configuration, 1, 2, kek, good),
        ("another configuration", tenant, b"acme-secondary", 1, 2, kek, good),
        ("another share number", tenant, configuration, 2, 2, kek, good),
        ("another number of shares", tenant, configuration, 1, 3, kek, good),
        ("a share read as a whole key", tenant, configuration, 0, 0, kek, good),
        ("another KEK", tenant, configuration, 1, 2, random("wrap/bad/other kek", 32), good),
        ("tag cut to 12 bytes", tenant, configuration, 1, 2, kek, good[:-4]),
        ("tag missing", tenant, configuration, 1, 2, kek, good[:-16]),
        ("salt alone", tenant, configuration, 1, 2, kek, good[:24]),
        ("a byte more", tenant, configuration, 1, 2, kek, good + b"\0"),
        ("a key of 0 bytes", tenant, configuration, 1, 2, kek, v1.local_wrap(kek, b"", context, salt)),
        ("a key of 31 bytes", tenant, configuration, 1, 2, kek, v1.local_wrap(kek, key[:31], context, salt)),
        ("a key of 33 bytes", tenant, configuration, 1, 2, kek, v1.local_wrap(kek, key + b"\0", context, salt)),
    ]
    for name, t, c, share, n, k, wrapped in bad:
        vector = {"name": f"local: {name}", "tenant": t, "configuration": c, "share": share, "n": n, "kek": k, "wrapped": wrapped}
        bound = v1.wrap_context(t, c, share, n)
        must_fail.append(refused(vector, CIPHERTEXT_REJECTED, lambda k=k, w=wrapped, b=bound: v1.local_unwrap(k, w, b)))
    write(
        "wrap.json",
        "Wraps of one data key or share (section 3): algorithm 5 under a KEK given here; the payload of algorithm 4 and its "
        "wrap; the payload of algorithm 2.",
        local=local,
        aesKwp=kwp,
        rsa=rsa,
        localMustFail=must_fail,
    )
