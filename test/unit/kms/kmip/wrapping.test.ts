import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MalformedTtlv } from '../../../../src/kms/kmip/ttlv.ts';
import { joinWrap, splitWrap } from '../../../../src/kms/kmip/wrapping.ts';
import { refused } from '../../../fakes/refused.ts';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

describe('a wrap of a KMIP server', () => {
  for (const ivBytes of [12, 13, 16]) {
    it(`is IV[${ivBytes}], ciphertext[32], tag[16], in this order`, () => {
      const parts = { iv: bytes(ivBytes, 1), ciphertext: bytes(32, 2), tag: bytes(16, 3) };
      const wrapped = joinWrap('acme-main', parts, undefined);
      assert.deepEqual(wrapped, Uint8Array.of(...parts.iv, ...parts.ciphertext, ...parts.tag));
      assert.deepEqual(splitWrap(wrapped), parts);
    });
  }

  it("begins with the daemon's own IV where it made one", () => {
    const encrypted = { iv: undefined, ciphertext: bytes(32, 2), tag: bytes(16, 3) };
    assert.deepEqual(joinWrap('acme-main', encrypted, bytes(12, 9)).subarray(0, 12), bytes(12, 9));
  });

  for (const length of [0, 1, 48, 59, 65, 8_192]) {
    it(`has not ${length} bytes`, () => {
      assert.equal(splitWrap(bytes(length, 1)), undefined);
    });
  }

  const sound = { iv: bytes(12, 1), ciphertext: bytes(32, 2), tag: bytes(16, 3) };
  const unfit = [
    { name: 'no IV', change: { iv: undefined }, message: /no IV; set ivSource to caller/ },
    { name: 'an IV of 8 bytes', change: { iv: bytes(8, 1) }, message: /an IV of 8 bytes/ },
    { name: 'an IV of 17 bytes', change: { iv: bytes(17, 1) }, message: /an IV of 17 bytes/ },
    { name: 'no tag', change: { tag: undefined }, message: /no authentication tag/ },
  ];
  for (const { name, change, message } of unfit) {
    it(`with ${name} is KEY_MISCONFIGURED`, async () => {
      await refused(() => joinWrap('acme-main', { ...sound, ...change }, undefined), 'KEY_MISCONFIGURED', message);
    });
  }

  for (const change of [{ ciphertext: bytes(31, 2) }, { ciphertext: bytes(48, 2) }, { tag: bytes(12, 3) }]) {
    it(`is none with ${JSON.stringify(Object.keys(change))} of another length`, () => {
      assert.throws(() => joinWrap('acme-main', { ...sound, ...change }, undefined), MalformedTtlv);
    });
  }
});
