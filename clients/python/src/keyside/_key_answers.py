"""What the messages about keys say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from ._keys import Key, KeyCheck, KeyState
from ._status import from_status
from .v1 import key_pb2

_STATES: Mapping[int, KeyState] = {
    key_pb2.KEY_CONFIGURATION_STATE_PRIMARY: "primary",
    key_pb2.KEY_CONFIGURATION_STATE_ACTIVE: "active",
    key_pb2.KEY_CONFIGURATION_STATE_DISABLED: "disabled",
}


def key_of(said: key_pb2.KeyConfiguration) -> Key:
    """One key configuration."""
    state = _STATES.get(said.state, "unknown")
    return Key(said.key_id, said.provider, state, said.custody, said.vendor_default)


def checked_key(said: key_pb2.CheckKeyResponse) -> KeyCheck:
    """A probe's answer."""
    return KeyCheck(
        key=key_of(said.key) if said.HasField("key") else None,
        usable=said.usable,
        kms_state=said.kms_state,
        key_version=said.key_version,
        wrap_latency=_time(said.wrap_latency) if said.HasField("wrap_latency") else None,
        unwrap_latency=_time(said.unwrap_latency) if said.HasField("unwrap_latency") else None,
        error=from_status(said.error) if said.HasField("error") else None,
    )


def _time(duration: Duration) -> timedelta:
    return timedelta(seconds=duration.seconds, microseconds=duration.nanos / 1_000)
