import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { asReturnValue, ReturnValue } from '../../../../src/kms/pkcs11/cryptoki.ts';
import { FINDINGS, type FindingName, RETURN_VALUES } from '../../../../src/kms/pkcs11/error-table.ts';
import { isLostLogin, isWrongPin, keysideError, needsNewProcess, troubleError } from '../../../../src/kms/pkcs11/errors.ts';
import { ProcessTrouble } from '../../../../src/kms/pkcs11/process-trouble.ts';

describe('a return value of a module', () => {
  for (const [code, { name, reason }] of RETURN_VALUES) {
    it(`${name} is ${reason} on opening, in the words of the table`, () => {
      // What pkcs11js throws; vendors' values have one name there.
      const thrown = Object.assign(new Error(code < 0x8000_0000 ? name : 'CKR_VENDOR_DEFINED'), { code });
      const value = asReturnValue(thrown);
      assert.ok(value instanceof ReturnValue);
      const error = keysideError('acme', 'open', { code: value.code });
      assert.equal(error.reason, reason);
      if (reason !== 'CIPHERTEXT_REJECTED') assert.match(error.message, new RegExp(`^key acme: .+ \\(${name}\\)$`));
    });
  }

  it('is read from the text where it has no code', () => {
    assert.equal((asReturnValue(new Error('CKR_PIN_INCORRECT:160')) as ReturnValue).code, 0xa0);
  });

  it('is nothing that pkcs11js threw for itself', () => {
    const error = new TypeError('Argument 0 has wrong type');
    assert.equal(asReturnValue(error), error);
  });

  const decided: readonly {
    readonly name: string;
    readonly fault: Parameters<typeof keysideError>[2];
    readonly reason: ErrorReason;
  }[] = [
    { name: 'a refusal that the attribute confirms', fault: { code: 0x68, isPermitted: false }, reason: 'KEY_REVOKED' },
    {
      name: 'a refusal that the attribute does not explain',
      fault: { code: 0x68, isPermitted: true },
      reason: 'KEY_ACCESS_DENIED',
    },
    { name: 'a refusal whose attribute cannot be read', fault: { code: 0x68 }, reason: 'KEY_ACCESS_DENIED' },
    { name: "NSS's word for a refusal, confirmed", fault: { code: 0x63, isPermitted: false }, reason: 'KEY_REVOKED' },
    { name: 'a key of the wrong type', fault: { code: 0x63, isPermitted: true }, reason: 'KEY_MISCONFIGURED' },
    { name: 'a general error while other wraps open', fault: { code: 0x05, works: true }, reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a general error of every wrap', fault: { code: 0x05, works: false }, reason: 'KMS_UNAVAILABLE' },
    { name: 'an unknown value while other wraps open', fault: { code: 0x80009999, works: true }, reason: 'CIPHERTEXT_REJECTED' },
    { name: 'an unknown value', fault: { code: 0x80009999 }, reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, fault, reason } of decided) {
    it(`on opening, ${name} is ${reason}`, () => {
      const error = keysideError('acme', 'open', fault);
      assert.equal(error.reason, reason);
      assert.equal(error.details.scope, reason === 'KEY_REVOKED' ? 'key' : undefined);
    });
  }

  it('on sealing never blames a ciphertext that there is not', () => {
    assert.equal(keysideError('acme', 'seal', { code: 0x21 }).reason, 'KEY_MISCONFIGURED');
    assert.equal(keysideError('acme', 'seal', { code: 0x05, works: true }).reason, 'KMS_UNAVAILABLE');
  });

  it('of a PIN stops further attempts, and no other does', () => {
    const wrong = [...RETURN_VALUES.keys()].filter((code) => isWrongPin({ code }));
    assert.deepEqual(wrong, [0xa0, 0xa1, 0xa2, 0x80000067]);
  });

  it('that ends a session is worth another login, and one after which the HSM is away another process', () => {
    for (const code of [0x32, 0xb0, 0xb3, 0xe0, 0xe1, 0x101]) assert.ok(isLostLogin({ code }), code.toString(16));
    assert.ok(!isLostLogin({ code: 0xa0 }) && !isLostLogin({ code: 0x30 }) && !isLostLogin({ finding: 'key-absent' }));
    assert.ok(needsNewProcess({ code: 0x30 }) && needsNewProcess({ finding: 'token-absent' }));
    assert.ok(!needsNewProcess({ code: 0xa0 }) && !needsNewProcess({ finding: 'token-ambiguous' }));
  });
});

describe('what the process of a module finds', () => {
  for (const finding of Object.keys(FINDINGS) as FindingName[]) {
    it(`${finding} is ${FINDINGS[finding].reason}`, () => {
      const { reason, message } = keysideError('acme', 'open', { finding });
      assert.equal(reason, FINDINGS[finding].reason);
      assert.equal(message, `key acme: ${FINDINGS[finding].says}`);
    });
  }

  it('says in words what to install', () => {
    assert.match(keysideError('acme', 'load', { finding: 'sdk-missing' }).message, /python3, make and a C\+\+ compiler/);
  });
});

describe('a process that has no answer', () => {
  it('is weather in each case, and the rest is what the guard waits', () => {
    assert.equal(troubleError('acme', new ProcessTrouble('ended')).reason, 'KMS_UNAVAILABLE');
    assert.equal(troubleError('acme', new ProcessTrouble('silent', { ms: 2_500 })).reason, 'KMS_TIMEOUT');
    const resting = troubleError('acme', new ProcessTrouble('resting', { ms: 400 }));
    assert.equal(resting.reason, 'KMS_UNAVAILABLE');
    assert.equal(resting.retryAfterMs, 400);
  });
});
