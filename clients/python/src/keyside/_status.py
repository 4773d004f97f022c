"""What became of a call, as our own error. The only file that reads gRPC's statuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ._error_types import cancelled, error_of, late_answer
from ._errors import KeysideError

_DOMAIN = "keyside.dev"
_DETAILS_KEY = "grpc-status-details-bin"
_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}

# How gRPC's core begins to say that there is no connection: nothing of the call was sent.
_UNSENT = ("failed to connect to all addresses", "errors resolving ", "DNS resolution failed", "Name resolution")

# What the operating system says of it, in gRPC's sentence, and in ours.
_CAUSES = (
    ("Connection refused", "connection refused"),
    ("No such file or directory", "there is no such socket"),
    ("Permission denied", "permission denied"),
    ("Domain name not found", "the host is not known"),
    ("Name or service not known", "the host is not known"),
    ("No route to host", "the host cannot be reached"),
    ("Network is unreachable", "the network cannot be reached"),
    ("Tls handshake failed", "the TLS handshake failed"),
    ("timed out", "it does not answer"),
    ("Connection reset by peer", "it broke the connection off"),
    ("Broken pipe", "it broke the connection off"),
    ("Socket closed", "it closed the connection"),
    ("Endpoint closing", "it closed the connection"),
)


class RpcFailure(Protocol):
    """What a failed call of gRPC tells, with threads and with asyncio alike."""

    def code(self) -> grpc.StatusCode | None:
        """None where the call has not ended."""

    def details(self) -> str | None:
        """A sentence."""

    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """What the daemon sent behind its answer."""


def failure_of(failure: RpcFailure, address: str) -> KeysideError:
    """The error of a call that failed. Precondition: nothing more comes from the daemon."""
    code = (failure.code() or grpc.StatusCode.UNKNOWN).name
    sentence = failure.details() or ""
    trailers = [(key, value) for key, value in failure.trailing_metadata() or ()]
    details = _details_in(trailers)
    if _error_info(details) is None:
        if code == "DEADLINE_EXCEEDED":
            return late_answer(address)
        if code == "CANCELLED":
            return cancelled()
        if code == "UNAVAILABLE" and not trailers:
            return _unreachable(address, sentence) if is_unsent(failure) else _broken_off(address, sentence)
    return _answered(code, sentence, details)


def is_unsent(failure: RpcFailure) -> bool:
    """Whether there was no connection to send the call over: it may be made again."""
    if failure.code() is not grpc.StatusCode.UNAVAILABLE or any(failure.trailing_metadata() or ()):
        return False
    return (failure.details() or "").startswith(_UNSENT)


def from_status(status: Status) -> KeysideError:
    """A `google.rpc.Status` within an answer."""
    return _answered(_NAMES.get(status.code, "UNKNOWN"), status.message, status.details)


def _unreachable(address: str, sentence: str) -> KeysideError:
    says = next((ours for theirs, ours in _CAUSES if theirs in sentence), sentence)
    return error_of(f"no daemon answers at {address} ({says})", reason="UNAVAILABLE", code="UNAVAILABLE", retryable=True)


def _broken_off(address: str, sentence: str) -> KeysideError:
    """Whether the call was carried out is not known."""
    says = f"the connection to {address} ended before the answer ({sentence})"
    return error_of(says, reason="UNAVAILABLE", code="UNAVAILABLE", retryable=True)


def _answered(code: str, sentence: str, details: Iterable[Any]) -> KeysideError:
    info = _error_info(details)
    reason = info.reason if info is not None and info.reason else code
    sentence = sentence.removeprefix(f"{reason}: ")
    if info is None:
        # No daemon of ours said why: nothing is known but that nobody answered.
        return error_of(sentence, reason=reason, code=code, retryable=code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"))
    return error_of(sentence, reason=reason, code=code, details=info.metadata, retry_after=_retry_after(details))


def _details_in(trailers: Sequence[tuple[str, str | bytes]]) -> Sequence[Any]:
    """Nothing where the trailer is not what a daemon sends: a proxy's error must not hide behind a parser's."""
    for key, value in trailers:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status: Status = Status.FromString(value)
            except DecodeError:
                return ()
            return list(status.details)
    return ()


def _error_info(details: Iterable[Any]) -> ErrorInfo | None:
    """What a daemon of ours sent, whatever other systems on the way added."""
    info = ErrorInfo()
    for detail in details:
        if detail.Is(ErrorInfo.DESCRIPTOR) and _unpacked(detail, info) and info.domain == _DOMAIN:
            return info
    return None


def _retry_after(details: Iterable[Any]) -> float | None:
    info = RetryInfo()
    for detail in details:
        if detail.Is(RetryInfo.DESCRIPTOR) and _unpacked(detail, info) and info.HasField("retry_delay"):
            delay: Duration = info.retry_delay
            return max(0.0, delay.seconds + delay.nanos / 1e9)
    return None


def _unpacked(detail: Any, message: ErrorInfo | RetryInfo) -> bool:
    try:
        return detail.Unpack(message)
    except DecodeError:
        return False
