import assert from 'node:assert/strict';
import { type ErrorReason, KeysideError, reasonEntry, type StatusCode } from '../../src/core/errors.ts';

/** The published reasons and codes, written out a second time: a table held against itself would prove nothing. */
export const CODES: Readonly<Record<ErrorReason, StatusCode>> = {
  REQUEST_INVALID: 'INVALID_ARGUMENT',
  PAYLOAD_TOO_LARGE: 'INVALID_ARGUMENT',
  EDEK_MALFORMED: 'INVALID_ARGUMENT',
  CIPHERTEXT_REJECTED: 'INVALID_ARGUMENT',
  CALLER_UNAUTHENTICATED: 'UNAUTHENTICATED',
  CALLER_NOT_ALLOWED: 'PERMISSION_DENIED',
  TENANT_UNKNOWN: 'NOT_FOUND',
  NO_PRIMARY_KEY: 'FAILED_PRECONDITION',
  KEY_DISABLED_HERE: 'FAILED_PRECONDITION',
  KEY_REVOKED: 'FAILED_PRECONDITION',
  KEY_ACCESS_DENIED: 'PERMISSION_DENIED',
  KEY_NOT_FOUND: 'FAILED_PRECONDITION',
  KEY_MISCONFIGURED: 'FAILED_PRECONDITION',
  POLICY_DENIED: 'PERMISSION_DENIED',
  KMS_THROTTLED: 'RESOURCE_EXHAUSTED',
  KMS_UNAVAILABLE: 'UNAVAILABLE',
  KMS_TIMEOUT: 'DEADLINE_EXCEEDED',
  OVERLOADED: 'RESOURCE_EXHAUSTED',
  DRAINING: 'UNAVAILABLE',
  AUDIT_UNAVAILABLE: 'UNAVAILABLE',
  INTERNAL: 'INTERNAL',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  CANCELLED: 'CANCELLED',
};

/** The KeysideError that `work` ends in. Asserts its reason, its code, and the form of its message. */
export async function refused(
  work: Promise<unknown> | (() => unknown),
  reason: ErrorReason,
  message = /^/,
): Promise<KeysideError> {
  const error = await errorOf(work);
  if (!(error instanceof KeysideError)) throw new Error(`ended in ${error}, not in a KeysideError`, { cause: error });
  assert.equal(error.reason, reason, `${error.message} (${error.cause ?? 'no cause'})`);
  assert.equal(reasonEntry(error.reason).code, CODES[reason]);
  assert.match(error.message, /^[a-z0-9].*[^.]$/s, 'a message begins in lower case and ends without a full stop');
  assert.match(error.message, message);
  return error;
}

async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}
