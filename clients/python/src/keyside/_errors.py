"""What all errors have in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class KeysideError(Exception):
    """Why a call failed.

    There is a subclass for each reason, such as `KeyRevokedError`; what a proxy or a newer daemon says is a plain `KeysideError`. Its
    text is ``REASON: sentence``; decide by type or `reason`, for sentences change.
    """

    reason: str
    """One of the reasons in docs/errors.md; the code's name where no daemon gave one, e.g. ``UNAVAILABLE``."""
    code: str
    """The name of the gRPC code, e.g. ``FAILED_PRECONDITION``."""
    details: Mapping[str, str]
    """All facts that the daemon gave, e.g. ``limitBytes`` or ``provider``."""
    retry_after: float | None
    """How long to wait before a retry, in seconds; None where the daemon named no time."""
    retryable: bool
    """Whether the same call may succeed later: the daemon named a time, or no daemon answered (in time)."""

    def __init__(
        self,
        sentence: str,
        *,
        reason: str,
        code: str,
        details: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(f"{reason}: {sentence}")
        self._sentence = sentence
        self.reason = reason
        self.code = code
        self.details = MappingProxyType(dict(details or {}))
        self.retry_after = retry_after
        self.retryable = retry_after is not None if retryable is None else retryable

    @property
    def tenant_id(self) -> str | None:
        """The tenant, where the daemon named it."""
        return self.details.get("tenantId")

    @property
    def key_id(self) -> str | None:
        """The key configuration, where the daemon named one."""
        return self.details.get("keyId")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross processes, in task queues and pools.
        facts = {
            "reason": self.reason,
            "code": self.code,
            "details": dict(self.details),
            "retry_after": self.retry_after,
            "retryable": self.retryable,
        }
        return _again, (type(self), self._sentence, facts)


def _again(kind: type[KeysideError], sentence: str, facts: dict[str, object]) -> KeysideError:
    return kind(sentence, **facts)  # type: ignore[arg-type]
