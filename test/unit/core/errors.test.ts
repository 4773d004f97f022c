import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  aboutKey,
  ciphertextRejected,
  type ErrorReason,
  isWeather,
  KeysideError,
  REASONS,
  reasonEntry,
  type StatusCode,
} from '../../../src/core/errors.ts';

/** Reason, code, and whether a retry may help: what callers build upon, hence written out once more. */
const PUBLISHED: readonly (readonly [ErrorReason, StatusCode, retry?: 'retry'])[] = [
  ['REQUEST_INVALID', 'INVALID_ARGUMENT'],
  ['PAYLOAD_TOO_LARGE', 'INVALID_ARGUMENT'],
  ['EDEK_MALFORMED', 'INVALID_ARGUMENT'],
  ['CIPHERTEXT_REJECTED', 'INVALID_ARGUMENT'],
  ['CALLER_UNAUTHENTICATED', 'UNAUTHENTICATED'],
  ['CALLER_NOT_ALLOWED', 'PERMISSION_DENIED'],
  ['TENANT_UNKNOWN', 'NOT_FOUND'],
  ['NO_PRIMARY_KEY', 'FAILED_PRECONDITION'],
  ['KEY_DISABLED_HERE', 'FAILED_PRECONDITION'],
  ['KEY_REVOKED', 'FAILED_PRECONDITION'],
  ['KEY_ACCESS_DENIED', 'PERMISSION_DENIED'],
  ['KEY_NOT_FOUND', 'FAILED_PRECONDITION'],
  ['KEY_MISCONFIGURED', 'FAILED_PRECONDITION'],
  ['POLICY_DENIED', 'PERMISSION_DENIED'],
  ['KMS_THROTTLED', 'RESOURCE_EXHAUSTED', 'retry'],
  ['KMS_UNAVAILABLE', 'UNAVAILABLE', 'retry'],
  ['KMS_TIMEOUT', 'DEADLINE_EXCEEDED', 'retry'],
  ['OVERLOADED', 'RESOURCE_EXHAUSTED', 'retry'],
  ['DRAINING', 'UNAVAILABLE', 'retry'],
  ['AUDIT_UNAVAILABLE', 'UNAVAILABLE', 'retry'],
  ['INTERNAL', 'INTERNAL'],
  ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'],
  ['CANCELLED', 'CANCELLED'],
];

describe('the table of reasons', () => {
  it('holds the published reasons and no other', () => {
    assert.deepEqual(
      Object.keys(REASONS),
      PUBLISHED.map(([reason]) => reason),
    );
  });

  for (const [reason, code, retry] of PUBLISHED) {
    it(`ends ${reason} in ${code}, ${retry ? 'to be tried again' : 'for good'}`, () => {
      const entry = reasonEntry(reason);
      assert.equal(entry.code, code);
      assert.equal(entry.retryAfterMs !== undefined, retry === 'retry');
      assert.match(entry.meaning, /^[a-z].*[^.]$/, 'lower case, no full stop');
    });
  }
});

describe('KeysideError', () => {
  it('carries its reason, its details and its cause', () => {
    const cause = new Error('why');
    const error = new KeysideError('REQUEST_INVALID', 'a field is missing', { details: { field: 'edek' }, cause });
    assert.ok(error instanceof Error);
    assert.equal(error.name, 'KeysideError');
    assert.equal(error.reason, 'REQUEST_INVALID');
    assert.equal(error.message, 'a field is missing');
    assert.deepEqual(error.details, { field: 'edek' });
    assert.equal(error.cause, cause);
  });

  it('has no cause, no details and no time to wait unless it is given them', () => {
    const error = new KeysideError('TENANT_UNKNOWN', 'no such tenant');
    assert.equal('cause' in error, false);
    assert.deepEqual(error.details, {});
    assert.equal(error.retryAfterMs, undefined);
  });

  it('waits as long as the other side asked, else as the table says', () => {
    assert.equal(new KeysideError('KMS_THROTTLED', 'throttled').retryAfterMs, 1_000);
    assert.equal(new KeysideError('KMS_THROTTLED', 'throttled', { retryAfterMs: 7 }).retryAfterMs, 7);
    assert.equal(new KeysideError('KMS_THROTTLED', 'throttled', { retryAfterMs: 0 }).retryAfterMs, 0);
  });
});

describe('ciphertextRejected', () => {
  it('says the same for every cause, which only the log sees', () => {
    const errors = [
      ciphertextRejected(),
      ciphertextRejected('the commitment differs'),
      ciphertextRejected('a field does not verify'),
    ];
    for (const error of errors) {
      assert.equal(error.reason, 'CIPHERTEXT_REJECTED');
      assert.equal(reasonEntry(error.reason).code, 'INVALID_ARGUMENT');
      assert.equal(error.message, errors[0]?.message);
      assert.deepEqual(error.details, {});
      assert.equal(error.retryAfterMs, undefined);
    }
    assert.deepEqual(errors[1]?.cause, new Error('the commitment differs'));
  });
});

describe('isWeather', () => {
  const weather = new Set<ErrorReason>(['KMS_THROTTLED', 'KMS_UNAVAILABLE', 'KMS_TIMEOUT']);
  for (const [reason] of PUBLISHED) {
    it(`is ${weather.has(reason)} for ${reason}`, () => {
      assert.equal(isWeather(new KeysideError(reason, 'sample')), weather.has(reason));
    });
  }

  it('is false for what is no KeysideError', () => {
    for (const error of [new Error('KMS_TIMEOUT'), undefined, { reason: 'KMS_TIMEOUT' }]) assert.equal(isWeather(error), false);
  });
});

describe('a failure that was met with a key', () => {
  const about = { tenantId: 'acme', keyId: 'acme-1' };

  it('names tenant and key beside what it said, and stays the same otherwise', () => {
    const cause = new Error('from the KMS');
    const error = new KeysideError('KMS_THROTTLED', 'the KMS throttles', { details: { scope: 'key' }, cause, retryAfterMs: 70 });
    const named = aboutKey(error, about);
    assert.deepEqual(named.details, { ...about, scope: 'key' });
    assert.deepEqual(
      [named.reason, named.message, named.cause, named.retryAfterMs],
      ['KMS_THROTTLED', 'the KMS throttles', cause, 70],
    );
    assert.equal(named.stack, error.stack);
    assert.equal(aboutKey(new KeysideError('KMS_THROTTLED', 'x'), about).retryAfterMs, 1_000);
  });

  it('says no more than it must where a ciphertext does not verify, and nothing of an error that is none of ours', () => {
    for (const error of [ciphertextRejected(), new TypeError('x')]) assert.equal(aboutKey(error, about), error);
  });
});
