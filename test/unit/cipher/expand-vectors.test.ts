import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { fromHex, readVectors } from '../../vectors/vectors.ts';

describe('the vectors of Expand', () => {
  const cipher = nodeCipher();
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
});
