"""A document or object header with all that its vector says (sections 4 and 5)."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import keyside_v1 as v1
from .output import LABEL, PAIRS, TENANT, random


@dataclass
class Document:
    """A document of the second implementation, with all that its vector says."""

    name: str
    fields: list  # of (version, name, plaintext)
    tenant: bytes = TENANT
    label: bytes = LABEL
    pairs: list = field(default_factory=lambda: list(PAIRS))
    kind: str = "document"
    lease: str = ""  # documents of one lease share a data key
    wraps: list | None = None  # opaque wraps; else local ones by `holders`
    holders: list = field(default_factory=lambda: [(b"acme-primary", b"1", 0, 0)])

    def __post_init__(self):
        self.data_key = random(f"data key/{self.lease or self.name}", 32)
        self.salt = random(f"{self.kind} salt/{self.name}", 24)
        self.context = v1.context(self.tenant, self.label, self.pairs)
        self.key, self.commitment = v1.derive(self.kind, self.data_key, self.salt, self.context)
        self.keks = []
        self.block = v1.key_block(self.wraps if self.wraps is not None else self.local_wraps())
        self.edek = v1.header(self.kind, self.label, self.salt, self.commitment, self.block)
        self.sealed = [self.seal(at, *spec) for at, spec in enumerate(self.fields)]

    def local_wraps(self):
        """Wraps by the local provider: the data key, or one part of it for each share number."""
        wraps, n = [], self.holders[0][3]
        parts = {number: random(f"share {number}/{self.name}", 32) for number in range(2, n + 1)}
        parts[1] = v1.xor([self.data_key, *parts.values()])
        for configuration, version, share, n in self.holders:
            kek = random(f"kek/{self.name}/{configuration}/{version}", 32)
            part = parts[share] if n else self.data_key
            salt = random(f"wrap salt/{self.name}/{configuration}/{version}", 24)
            wrapped = v1.local_wrap(kek, part, v1.wrap_context(self.tenant, configuration, share, n), salt)
            wraps.append(v1.wrap(configuration, wrapped, version=version, share=share, n=n))
            self.keks.append({"configuration": configuration, "version": version, "kek": kek})
        return wraps

    def seal(self, at, version, name, plaintext):
        fresh = random(f"field/{self.name}/{at}", 12 if version == 1 else 24)
        if version == 1:
            sealed = v1.seal_new_field(self.key, name, plaintext, fresh)
        else:
            sealed = v1.seal_added_field(self.data_key, self.salt, self.context, name, plaintext, fresh)
        return {"version": version, "name": name, "plaintext": plaintext, "fresh": fresh, "sealed": sealed}

    def seal_with(self, version, fresh, plaintext, aad):
        """A field under its right key and nonce, with additional data of the caller's."""
        key, nonce = self.key, fresh
        if version == 2:
            key, nonce = v1.added_field_key(self.data_key, self.salt, fresh, self.context)
        return v1.u8(version) + fresh + AESGCM(key).encrypt(nonce, plaintext, aad)

    def vector(self):
        named = [(f["name"], f["sealed"]) for f in self.sealed]
        opened = v1.open_document(self.kind, self.edek, self.data_key, self.tenant, self.label, self.pairs, named)
        assert opened == [f["plaintext"] for f in self.sealed], self.name
        result = {
            "name": self.name,
            "tenant": self.tenant,
            "label": self.label,
            "pairs": self.pairs,
            "dataKey": self.data_key,
            "keks": self.keks,
            "salt": self.salt,
            "keyBlock": self.block,
            "key": self.key,
            "commitment": self.commitment,
            "edek": self.edek,
        }
        return result | ({"fields": self.sealed} if self.kind == "document" else {})
