import { type ErrorFacts, KeysideError } from './errors.ts';

/** A field of the request is missing, too long or not of its form. */
export class RequestInvalidError extends KeysideError {
  override readonly name = 'RequestInvalidError';
}

/** The document or batch exceeds the daemon's limits. */
export class PayloadTooLargeError extends KeysideError {
  override readonly name = 'PayloadTooLargeError';
}

/** The bytes given as `edek` are not an EDEK or an object's header. */
export class EdekMalformedError extends KeysideError {
  override readonly name = 'EdekMalformedError';
}

/** Wrong tenant, context, label or key, or altered bytes: one answer for all. */
export class CiphertextRejectedError extends KeysideError {
  override readonly name = 'CiphertextRejectedError';
}

/** No bearer token, or one that the daemon does not know. */
export class CallerUnauthenticatedError extends KeysideError {
  override readonly name = 'CallerUnauthenticatedError';
}

/** The caller's token is not bound to this tenant or operation. */
export class CallerNotAllowedError extends KeysideError {
  override readonly name = 'CallerNotAllowedError';
}

/** No such tenant is configured. */
export class TenantUnknownError extends KeysideError {
  override readonly name = 'TenantUnknownError';
}

/** The tenant has no primary key to encrypt under. */
export class NoPrimaryKeyError extends KeysideError {
  override readonly name = 'NoPrimaryKeyError';
}

/** The key is disabled in Keyside's own configuration. */
export class KeyDisabledHereError extends KeysideError {
  override readonly name = 'KeyDisabledHereError';
}

/** The customer disabled, deleted or destroyed its key: its data is dark until the key is back. */
export class KeyRevokedError extends KeysideError {
  override readonly name = 'KeyRevokedError';
}

/** The KMS refused, and the key's state could not be confirmed. */
export class KeyAccessDeniedError extends KeysideError {
  override readonly name = 'KeyAccessDeniedError';
}

/** The KMS knows no such key. */
export class KeyNotFoundError extends KeysideError {
  override readonly name = 'KeyNotFoundError';
}

/** The key is of the wrong kind or region, or the daemon's credentials are bad. */
export class KeyMisconfiguredError extends KeysideError {
  override readonly name = 'KeyMisconfiguredError';
}

/** The tenant's policy forbids it: caller, purpose, label, custody or residency. */
export class PolicyDeniedError extends KeysideError {
  override readonly name = 'PolicyDeniedError';
}

/** The KMS throttles. */
export class KmsThrottledError extends KeysideError {
  override readonly name = 'KmsThrottledError';
}

/** The KMS cannot be reached or reports a fault of its own. */
export class KmsUnavailableError extends KeysideError {
  override readonly name = 'KmsUnavailableError';
}

/** The KMS did not answer within the time there was. */
export class KmsTimeoutError extends KeysideError {
  override readonly name = 'KmsTimeoutError';
}

/** The daemon has as much work as it may have. */
export class OverloadedError extends KeysideError {
  override readonly name = 'OverloadedError';
}

/** The daemon is shutting down and takes no new calls. */
export class DrainingError extends KeysideError {
  override readonly name = 'DrainingError';
}

/** The audit record could not be made durable, so nothing was answered. */
export class AuditUnavailableError extends KeysideError {
  override readonly name = 'AuditUnavailableError';
}

/** A fault of the daemon or of the connection. The daemon's log has the cause. */
export class InternalError extends KeysideError {
  override readonly name = 'InternalError';
}

/** The deadline passed, here or at the daemon, before there was an answer. */
export class DeadlineExceededError extends KeysideError {
  override readonly name = 'DeadlineExceededError';
}

/** The caller's signal ended the call, or the client was closed. */
export class CancelledError extends KeysideError {
  override readonly name = 'CancelledError';
}

/** No daemon answers, or the connection broke: whether the call was carried out is not known. */
export class UnavailableError extends KeysideError {
  override readonly name = 'UnavailableError';
}

const BY_REASON: ReadonlyMap<string, typeof KeysideError> = new Map<string, typeof KeysideError>([
  ['REQUEST_INVALID', RequestInvalidError],
  ['PAYLOAD_TOO_LARGE', PayloadTooLargeError],
  ['EDEK_MALFORMED', EdekMalformedError],
  ['CIPHERTEXT_REJECTED', CiphertextRejectedError],
  ['CALLER_UNAUTHENTICATED', CallerUnauthenticatedError],
  ['CALLER_NOT_ALLOWED', CallerNotAllowedError],
  ['TENANT_UNKNOWN', TenantUnknownError],
  ['NO_PRIMARY_KEY', NoPrimaryKeyError],
  ['KEY_DISABLED_HERE', KeyDisabledHereError],
  ['KEY_REVOKED', KeyRevokedError],
  ['KEY_ACCESS_DENIED', KeyAccessDeniedError],
  ['KEY_NOT_FOUND', KeyNotFoundError],
  ['KEY_MISCONFIGURED', KeyMisconfiguredError],
  ['POLICY_DENIED', PolicyDeniedError],
  ['KMS_THROTTLED', KmsThrottledError],
  ['KMS_UNAVAILABLE', KmsUnavailableError],
  ['KMS_TIMEOUT', KmsTimeoutError],
  ['OVERLOADED', OverloadedError],
  ['DRAINING', DrainingError],
  ['AUDIT_UNAVAILABLE', AuditUnavailableError],
  ['INTERNAL', InternalError],
  ['DEADLINE_EXCEEDED', DeadlineExceededError],
  ['CANCELLED', CancelledError],
  ['UNAVAILABLE', UnavailableError],
]);

/** The error of the class that belongs to its reason. */
export function errorOf(sentence: string, facts: ErrorFacts): KeysideError {
  return new (BY_REASON.get(facts.reason) ?? KeysideError)(sentence, facts);
}

/** A request that is refused here, before anything is sent. */
export function invalidRequest(sentence: string): KeysideError {
  return new RequestInvalidError(sentence, { reason: 'REQUEST_INVALID', code: 'INVALID_ARGUMENT' });
}

/** The time was up before a daemon answered. */
export function lateAnswer(address: string): KeysideError {
  const facts = { reason: 'DEADLINE_EXCEEDED', code: 'DEADLINE_EXCEEDED', isRetryable: true } as const;
  return new DeadlineExceededError(`no answer from ${address} in time`, facts);
}

export function cancelled(sentence = 'the caller cancelled the call'): KeysideError {
  return new CancelledError(sentence, { reason: 'CANCELLED', code: 'CANCELLED' });
}

/** What came is not what a daemon sends. */
export function unexpectedAnswer(sentence: string, cause?: unknown): KeysideError {
  return new InternalError(sentence, { reason: 'INTERNAL', code: 'INTERNAL', cause });
}
