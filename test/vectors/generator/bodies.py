"""Bodies of sealed objects: C2SP chunked-encryption, Cobblestone-256, written from section 5 of docs/format.md."""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .output import random, write

CHUNK, TAG = 16384, 16
SIZES = [0, 1, 16383, 16384, 16385, 70000]


def expand_two_blocks(key, info):
    """HKDF-Expand with SHA-512, 76 bytes."""
    first = hmac.digest(key, info + b"\x01", "sha512")
    return (first + hmac.digest(key, first + info + b"\x02", "sha512"))[:76]


def plaintext_of(size):
    """Byte i is i mod 251: no two chunks of it are alike."""
    return bytes(index % 251 for index in range(size))


def seal(key, salt, plaintext):
    """Prefix and sealed chunks; the last chunk is always shorter than a full one."""
    okm = expand_two_blocks(key, b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt)
    aead, base, commitment = AESGCM(okm[:32]), int.from_bytes(okm[32:44], "big"), okm[44:]
    chunks = []
    for index in range(len(plaintext) // CHUNK + 1):
        nonce = (base ^ index).to_bytes(12, "big")
        chunks.append(aead.encrypt(nonce, plaintext[index * CHUNK : (index + 1) * CHUNK], b""))
    return salt + commitment, chunks


def object_body_vectors():
    valid = []
    for size in SIZES:
        name = f"{size} bytes"
        key, salt = random(f"object body {name} key", 32), random(f"object body {name} salt", 24)
        prefix, chunks = seal(key, salt, plaintext_of(size))
        body = prefix + b"".join(chunks)
        valid.append(
            {
                "name": name,
                "key": key,
                "salt": salt,
                "size": size,
                "prefix": prefix,
                "tags": [chunk[-TAG:] for chunk in chunks],
                "bodySize": len(body),
                "bodySha512": hashlib.sha512(body).digest(),
            }
        )
    write(
        "object-body.json",
        "Bodies of sealed objects (section 5). `key` is the object key; byte i of the plaintext is i mod 251; `tags` has one for "
        "each chunk.",
        valid=valid,
    )
