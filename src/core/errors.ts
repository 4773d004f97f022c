/**
 * The one table of reasons for which Keyside ends a call: `rpc/status.ts` maps it to gRPC, `docs/errors.md` is generated from it,
 * and `proto/keyside/v1/error.proto` publishes the names.
 */

/** The gRPC codes Keyside ends in, as strings: only the RPC edge knows their numbers. */
export type StatusCode =
  | 'CANCELLED'
  | 'DEADLINE_EXCEEDED'
  | 'FAILED_PRECONDITION'
  | 'INTERNAL'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAUTHENTICATED'
  | 'UNAVAILABLE';

/** Who can mend the cause. `weather` passes by itself. */
export type Actor = 'caller' | 'operator' | 'customer' | 'customer or operator' | 'weather' | 'us';

interface ReasonEntry {
  readonly code: StatusCode;
  /** Milliseconds after which a retry may help (sent as RetryInfo); absent where a retry cannot help. */
  readonly retryAfterMs?: number;
  readonly actor: Actor;
  readonly meaning: string;
}

export const REASONS = {
  REQUEST_INVALID: {
    code: 'INVALID_ARGUMENT',
    actor: 'caller',
    meaning: 'a field of the request is missing, too long or not of its form',
  },
  PAYLOAD_TOO_LARGE: {
    code: 'INVALID_ARGUMENT',
    actor: 'caller',
    meaning: "the document or batch exceeds the daemon's limits",
  },
  EDEK_MALFORMED: {
    code: 'INVALID_ARGUMENT',
    actor: 'caller',
    meaning: "the bytes given as edek are not an EDEK or an object's header",
  },
  CIPHERTEXT_REJECTED: {
    code: 'INVALID_ARGUMENT',
    actor: 'caller',
    meaning: 'wrong tenant, context, label or key, or altered bytes; one answer for all, so that it tells nothing',
  },
  CALLER_UNAUTHENTICATED: {
    code: 'UNAUTHENTICATED',
    actor: 'operator',
    meaning: 'no bearer token, or an unknown one',
  },
  CALLER_NOT_ALLOWED: {
    code: 'PERMISSION_DENIED',
    actor: 'operator',
    meaning: "the caller's token is not bound to this tenant or operation",
  },
  TENANT_UNKNOWN: { code: 'NOT_FOUND', actor: 'operator', meaning: 'no such tenant is configured' },
  NO_PRIMARY_KEY: {
    code: 'FAILED_PRECONDITION',
    actor: 'customer or operator',
    meaning: 'the tenant has no primary key to encrypt under',
  },
  KEY_DISABLED_HERE: {
    code: 'FAILED_PRECONDITION',
    actor: 'customer or operator',
    meaning: "the key configuration is disabled in Keyside's own configuration",
  },
  KEY_REVOKED: {
    code: 'FAILED_PRECONDITION',
    actor: 'customer',
    meaning: 'the key is disabled, pending deletion or destroyed in its KMS: confirmed; its data keys are forgotten at once',
  },
  KEY_ACCESS_DENIED: {
    code: 'PERMISSION_DENIED',
    actor: 'customer or operator',
    meaning: "the KMS refused, and the key's state could not be confirmed",
  },
  KEY_NOT_FOUND: { code: 'FAILED_PRECONDITION', actor: 'operator', meaning: 'the KMS knows no such key' },
  KEY_MISCONFIGURED: {
    code: 'FAILED_PRECONDITION',
    actor: 'operator',
    meaning: "wrong kind of key, wrong region or bad credentials of the daemon's own",
  },
  POLICY_DENIED: {
    code: 'PERMISSION_DENIED',
    actor: 'operator',
    meaning: "the tenant's policy forbids it: caller, purpose, label, custody or residency",
  },
  KMS_THROTTLED: { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000, actor: 'weather', meaning: 'the KMS throttles' },
  KMS_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    retryAfterMs: 1_000,
    actor: 'weather',
    meaning: 'the KMS cannot be reached or reports a fault of its own',
  },
  KMS_TIMEOUT: {
    code: 'DEADLINE_EXCEEDED',
    retryAfterMs: 1_000,
    actor: 'weather',
    meaning: 'the KMS did not answer within the time there was',
  },
  OVERLOADED: {
    code: 'RESOURCE_EXHAUSTED',
    retryAfterMs: 250,
    actor: 'operator',
    meaning: 'the daemon has as much work as it may have',
  },
  DRAINING: {
    code: 'UNAVAILABLE',
    retryAfterMs: 1_000,
    actor: 'weather',
    meaning: 'the daemon is shutting down and takes no new calls',
  },
  AUDIT_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    retryAfterMs: 1_000,
    actor: 'operator',
    meaning: 'the audit record could not be made durable, so nothing was answered',
  },
  INTERNAL: {
    code: 'INTERNAL',
    actor: 'us',
    meaning: "a fault of the daemon; the cause is in its log under the request's id",
  },
  DEADLINE_EXCEEDED: {
    code: 'DEADLINE_EXCEEDED',
    actor: 'caller',
    meaning: "the caller's own deadline passed before the daemon had the answer",
  },
  CANCELLED: { code: 'CANCELLED', actor: 'caller', meaning: 'the caller cancelled the call' },
} as const satisfies Record<string, ReasonEntry>;

export type ErrorReason = keyof typeof REASONS;

export function reasonEntry(reason: ErrorReason): ReasonEntry {
  return REASONS[reason];
}

/** Facts about a failure, safe to show the caller: names and numbers in lowerCamel with units, never a value of the caller's. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

interface KeysideErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
  /** What the other side asked us to wait, e.g. a Retry-After; else the table's default. */
  readonly retryAfterMs?: number;
}

/** The only error that leaves a floor on purpose. Its message is shown to callers: lower case, no full stop, nothing secret. */
export class KeysideError extends Error {
  override readonly name = 'KeysideError';
  readonly reason: ErrorReason;
  readonly details: ErrorDetails;
  /** What the other side asked us to wait; undefined where it did not say. */
  readonly requestedRetryAfterMs: number | undefined;

  constructor(reason: ErrorReason, message: string, options: KeysideErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.details = options.details ?? {};
    this.requestedRetryAfterMs = options.retryAfterMs;
  }

  /** What callers are told to wait: what was asked for, else the table's default; undefined where a retry cannot help. */
  get retryAfterMs(): number | undefined {
    return this.requestedRetryAfterMs ?? reasonEntry(this.reason).retryAfterMs;
  }
}

/** The one answer to everything that fails after parsing: no oracle. The cause is for the log only. */
export function ciphertextRejected(cause?: string): KeysideError {
  return new KeysideError('CIPHERTEXT_REJECTED', 'the ciphertext does not verify for this tenant, context and key', {
    cause: cause === undefined ? undefined : new Error(cause),
  });
}

/**
 * The same failure with the tenant and the key configuration that it was met with among its details: a key's owner looks for both. The
 * one answer to ciphertexts that do not verify says no more than it must, and what is no KeysideError stays as it is.
 */
export function aboutKey<E>(error: E, about: { readonly tenantId: string; readonly keyId: string }): E | KeysideError {
  if (!(error instanceof KeysideError) || error.reason === 'CIPHERTEXT_REJECTED') return error;
  const { reason, message, details, cause, requestedRetryAfterMs } = error;
  const options = { details: { ...about, ...details }, cause };
  const told = requestedRetryAfterMs === undefined ? options : { ...options, retryAfterMs: requestedRetryAfterMs };
  const same = new KeysideError(reason, message, told);
  if (error.stack !== undefined) same.stack = error.stack;
  return same;
}

/** True for failures that pass by themselves: the KMS is unreachable, slow or throttles. Nothing the customer did. */
export function isWeather(error: unknown): boolean {
  return error instanceof KeysideError && reasonEntry(error.reason).actor === 'weather' && error.reason !== 'DRAINING';
}
