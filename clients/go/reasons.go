package keyside

// Reason says why a call failed. Each is an error to compare with: errors.Is(err, keyside.ErrKeyRevoked). A daemon that is newer than
// this package may give reasons that are not listed here.
type Reason string

// Error returns the reason's name, such as KEY_REVOKED.
func (r Reason) Error() string { return string(r) }

// The reasons of a daemon.
const (
	// ErrRequestInvalid: a field of the request is missing, too long or not of its form.
	ErrRequestInvalid Reason = "REQUEST_INVALID"
	// ErrPayloadTooLarge: the document or batch exceeds the daemon's limits.
	ErrPayloadTooLarge Reason = "PAYLOAD_TOO_LARGE"
	// ErrEDEKMalformed: the bytes given as EDEK are not an EDEK or an object's header.
	ErrEDEKMalformed Reason = "EDEK_MALFORMED"
	// ErrCiphertextRejected: wrong tenant, context, label or key, or altered bytes; one answer for all.
	ErrCiphertextRejected Reason = "CIPHERTEXT_REJECTED"
	// ErrCallerUnauthenticated: no bearer token, or an unknown one.
	ErrCallerUnauthenticated Reason = "CALLER_UNAUTHENTICATED"
	// ErrCallerNotAllowed: the token is not bound to this tenant or operation.
	ErrCallerNotAllowed Reason = "CALLER_NOT_ALLOWED"
	// ErrTenantUnknown: no such tenant is configured.
	ErrTenantUnknown Reason = "TENANT_UNKNOWN"
	// ErrNoPrimaryKey: the tenant has no primary key to encrypt under.
	ErrNoPrimaryKey Reason = "NO_PRIMARY_KEY"
	// ErrKeyDisabledHere: the key is disabled in Keyside's own configuration.
	ErrKeyDisabledHere Reason = "KEY_DISABLED_HERE"
	// ErrKeyRevoked: the tenant disabled, deleted or destroyed its key, and the KMS confirmed it.
	ErrKeyRevoked Reason = "KEY_REVOKED"
	// ErrKeyAccessDenied: the KMS refused, and the key's state could not be confirmed.
	ErrKeyAccessDenied Reason = "KEY_ACCESS_DENIED"
	// ErrKeyNotFound: the KMS knows no such key.
	ErrKeyNotFound Reason = "KEY_NOT_FOUND"
	// ErrKeyMisconfigured: wrong kind of key, wrong region, or bad credentials of the daemon's own.
	ErrKeyMisconfigured Reason = "KEY_MISCONFIGURED"
	// ErrPolicyDenied: the tenant's policy forbids it: caller, purpose, label, custody or residency.
	ErrPolicyDenied Reason = "POLICY_DENIED"
	// ErrKMSThrottled: the KMS throttles. Retryable.
	ErrKMSThrottled Reason = "KMS_THROTTLED"
	// ErrKMSUnavailable: the KMS cannot be reached or reports a fault of its own. Retryable.
	ErrKMSUnavailable Reason = "KMS_UNAVAILABLE"
	// ErrKMSTimeout: the KMS did not answer within the time there was. Retryable.
	ErrKMSTimeout Reason = "KMS_TIMEOUT"
	// ErrOverloaded: the daemon has as much work as it may have. Retryable.
	ErrOverloaded Reason = "OVERLOADED"
	// ErrDraining: the daemon is shutting down. Retryable.
	ErrDraining Reason = "DRAINING"
	// ErrAuditUnavailable: the audit record could not be made durable, so nothing was answered. Retryable.
	ErrAuditUnavailable Reason = "AUDIT_UNAVAILABLE"
	// ErrInternal: a fault of the daemon; the cause is in its log.
	ErrInternal Reason = "INTERNAL"
	// ErrDeadlineExceeded: the time was up, here or at the daemon.
	ErrDeadlineExceeded Reason = "DEADLINE_EXCEEDED"
	// ErrCancelled: the caller cancelled the call, or closed the client.
	ErrCancelled Reason = "CANCELLED"
)

// ErrUnavailable is the reason where no daemon answers. Retryable. Where something else than a daemon said no, the reason is the name
// of its gRPC code, such as UNIMPLEMENTED.
const ErrUnavailable Reason = "UNAVAILABLE"
