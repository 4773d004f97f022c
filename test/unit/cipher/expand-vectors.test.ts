import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cipher } from '../../../src/cipher/cipher.ts';
import { fromHex, readVectors } from '../../vectors/vectors.ts';
import { allCiphers } from './native-setup.ts';

for (const { name, cipher, skip } of allCiphers()) {
  describe(`the vectors of Expand, ${name}`, { skip }, () => expandVectors(cipher));
}

function expandVectors(cipher: Cipher): void {
  const { valid, mustFail } = readVectors('expand.json');

  it('are all there', () => {
    assert.ok(valid.length >= 8 && mustFail.length >= 7);
  });

  for (const { name, key, info, length, output } of valid) {
    it(`yield the same bytes: ${name}`, () => {
      assert.deepEqual(Buffer.from(cipher.expand(fromHex(key), fromHex(info), length)), fromHex(output));
    });
  }

  for (const { name, key, info, length } of mustFail) {
    it(`are refused as a fault of ours: ${name}`, () => {
      assert.throws(() => cipher.expand(fromHex(key), fromHex(info), length), RangeError);
    });
  }
}
