import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Custody, isLowerCustody, PROVIDER_NUMBERS, WRAP_ALGORITHMS } from '../../../src/core/providers.ts';

describe('the numbers in stored key blocks', () => {
  it('are those of docs/format.md, section 3, and never change', () => {
    assert.deepEqual(PROVIDER_NUMBERS, { local: 1, aws: 2, gcp: 3, azure: 4, pkcs11: 5, vault: 6, kmip: 7 });
    assert.deepEqual(WRAP_ALGORITHMS, { service: 1, rsaOaep256: 2, aes256Gcm: 3, aesKwp: 4, local: 5 });
  });
});

describe('isLowerCustody', () => {
  const rising: readonly Custody[] = ['local', 'vendor', 'customer'];
  for (const [i, a] of rising.entries()) {
    for (const [j, b] of rising.entries()) {
      it(`is ${i < j} for ${a} against ${b}`, () => assert.equal(isLowerCustody(a, b), i < j));
    }
  }
});
