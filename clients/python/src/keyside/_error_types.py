"""One type for each reason, and the errors that the client makes itself."""

from __future__ import annotations

from collections.abc import Mapping

from ._errors import KeysideError


class RequestInvalidError(KeysideError):
    """A field of the request is missing, too long or not of its form."""


class PayloadTooLargeError(KeysideError):
    """The document or batch exceeds the daemon's limits."""


class EdekMalformedError(KeysideError):
    """The bytes given as `edek` are not an EDEK or an object's header."""


class CiphertextRejectedError(KeysideError):
    """Wrong tenant, context, label or key, or altered bytes: one answer for all."""


class CallerUnauthenticatedError(KeysideError):
    """No bearer token, or one that the daemon does not know."""


class CallerNotAllowedError(KeysideError):
    """The caller's token is not bound to this tenant or operation."""


class TenantUnknownError(KeysideError):
    """No such tenant is configured."""


class NoPrimaryKeyError(KeysideError):
    """The tenant has no primary key to encrypt under."""


class KeyDisabledHereError(KeysideError):
    """The key is disabled in Keyside's own configuration."""


class KeyRevokedError(KeysideError):
    """The customer disabled, deleted or destroyed its key: its data is dark until the key is back."""


class KeyAccessDeniedError(KeysideError):
    """The KMS refused, and the key's state could not be confirmed."""


class KeyNotFoundError(KeysideError):
    """The KMS knows no such key."""


class KeyMisconfiguredError(KeysideError):
    """The key is of the wrong kind or region, or the daemon's credentials are bad."""


class PolicyDeniedError(KeysideError):
    """The tenant's policy forbids it: caller, purpose, label, custody or residency."""


class KmsThrottledError(KeysideError):
    """The KMS throttles."""


class KmsUnavailableError(KeysideError):
    """The KMS cannot be reached or reports a fault of its own."""


class KmsTimeoutError(KeysideError):
    """The KMS did not answer within the time there was."""


class OverloadedError(KeysideError):
    """The daemon has as much work as it may have."""


class DrainingError(KeysideError):
    """The daemon is shutting down and takes no new calls."""


class AuditUnavailableError(KeysideError):
    """The audit record could not be made durable, so nothing was answered."""


class InternalError(KeysideError):
    """A fault of the daemon or of the connection. The daemon's log has the cause."""


class DeadlineExceededError(KeysideError):
    """The deadline passed, here or at the daemon, before there was an answer."""


class CancelledError(KeysideError):
    """The caller ended the call, or the client was closed."""


class UnavailableError(KeysideError):
    """No daemon answers, or the connection broke: whether the call was carried out is not known."""


BY_REASON: Mapping[str, type[KeysideError]] = {
    "REQUEST_INVALID": RequestInvalidError,
    "PAYLOAD_TOO_LARGE": PayloadTooLargeError,
    "EDEK_MALFORMED": EdekMalformedError,
    "CIPHERTEXT_REJECTED": CiphertextRejectedError,
    "CALLER_UNAUTHENTICATED": CallerUnauthenticatedError,
    "CALLER_NOT_ALLOWED": CallerNotAllowedError,
    "TENANT_UNKNOWN": TenantUnknownError,
    "NO_PRIMARY_KEY": NoPrimaryKeyError,
    "KEY_DISABLED_HERE": KeyDisabledHereError,
    "KEY_REVOKED": KeyRevokedError,
    "KEY_ACCESS_DENIED": KeyAccessDeniedError,
    "KEY_NOT_FOUND": KeyNotFoundError,
    "KEY_MISCONFIGURED": KeyMisconfiguredError,
    "POLICY_DENIED": PolicyDeniedError,
    "KMS_THROTTLED": KmsThrottledError,
    "KMS_UNAVAILABLE": KmsUnavailableError,
    "KMS_TIMEOUT": KmsTimeoutError,
    "OVERLOADED": OverloadedError,
    "DRAINING": DrainingError,
    "AUDIT_UNAVAILABLE": AuditUnavailableError,
    "INTERNAL": InternalError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "CANCELLED": CancelledError,
    "UNAVAILABLE": UnavailableError,
}


def error_of(
    sentence: str,
    *,
    reason: str,
    code: str,
    details: Mapping[str, str] | None = None,
    retry_after: float | None = None,
    retryable: bool | None = None,
) -> KeysideError:
    """The error of the class that belongs to its reason."""
    kind = BY_REASON.get(reason, KeysideError)
    return kind(sentence, reason=reason, code=code, details=details, retry_after=retry_after, retryable=retryable)


def invalid_request(sentence: str) -> KeysideError:
    """A request that is refused here, before anything is sent."""
    return error_of(sentence, reason="REQUEST_INVALID", code="INVALID_ARGUMENT")


def late_answer(address: str) -> KeysideError:
    """The time was up before a daemon answered."""
    sentence = f"no answer from {address} in time"
    return error_of(sentence, reason="DEADLINE_EXCEEDED", code="DEADLINE_EXCEEDED", retryable=True)


def cancelled(sentence: str = "the caller cancelled the call") -> KeysideError:
    """The caller wanted no answer any more."""
    return error_of(sentence, reason="CANCELLED", code="CANCELLED")


def unexpected_answer(sentence: str) -> KeysideError:
    """What came is not what a daemon sends."""
    return error_of(sentence, reason="INTERNAL", code="INTERNAL")
