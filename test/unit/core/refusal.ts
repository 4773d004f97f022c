import assert from 'node:assert/strict';
import { type ErrorReason, KeysideError, reasonEntry, type StatusCode } from '../../../src/core/errors.ts';

/** The reasons of the lower floors with the codes that callers see, as docs/format.md and the API have them. */
const CODES = {
  REQUEST_INVALID: 'INVALID_ARGUMENT',
  EDEK_MALFORMED: 'INVALID_ARGUMENT',
  CIPHERTEXT_REJECTED: 'INVALID_ARGUMENT',
} as const satisfies Partial<Record<ErrorReason, StatusCode>>;

/** Asserts that `call` throws a KeysideError of this reason, with its code and a message in the form that callers are shown. */
export function assertRefused(call: () => unknown, reason: ErrorReason, message = /^/): KeysideError {
  const error = thrownBy(call);
  assert.ok(error instanceof KeysideError, `threw ${error}, not a KeysideError`);
  assert.equal(error.reason, reason, error.message);
  assert.ok(reason in CODES, `${reason} is no reason of these floors`);
  assert.equal(reasonEntry(error.reason).code, CODES[reason as keyof typeof CODES]);
  assert.match(error.message, /^[a-z].*[^.]$/s, 'a message begins in lower case and ends without a full stop');
  assert.match(error.message, message);
  return error;
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}
