"""What the daemon says about keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from ._errors import KeysideError

KeyState: TypeAlias = Literal["primary", "active", "disabled", "unknown"]
"""`primary` encrypts and decrypts, `active` decrypts, `disabled` is refused by the daemon."""


@dataclass(frozen=True, slots=True)
class Key:
    """One of a tenant's key configurations."""

    key_id: str
    provider: str
    """The kind of KMS: ``local``, ``aws``, …"""
    state: KeyState
    custody: str
    """Who holds the key: ``customer``, ``vendor`` or ``local``."""
    vendor_default: bool
    """True for the vendor's default key, which serves tenants that have not brought their own."""


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What a probe of a key found."""

    key: Key | None
    usable: bool
    """Whether wrap and unwrap worked and gave the same bytes."""
    kms_state: str
    """As the KMS states it: ``enabled``, ``disabled``, ``pending-deletion``, ``destroyed`` or ``unknown``."""
    key_version: str
    """Empty where the provider shows none."""
    wrap_latency: timedelta | None
    """How long the wrap took; None where it did not happen."""
    unwrap_latency: timedelta | None
    """How long the unwrap took; None where it did not happen."""
    error: KeysideError | None
    """Why the key is not usable."""
