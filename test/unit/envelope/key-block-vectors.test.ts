import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import { encodeKeyBlock, parseKeyBlock, type StoredWrap } from '../../../src/envelope/key-block.ts';
import { text } from '../../vectors/reader.ts';
import { fromHex, readVectors, type WrapFields } from '../../vectors/vectors.ts';
import { assertRefused } from '../core/refusal.ts';

function storedWrap(fields: WrapFields): StoredWrap {
  return {
    provider: fields.provider,
    algorithm: fields.algorithm,
    configurationId: parseKeyConfigurationId(text(fields.configuration)),
    keyVersion: text(fields.version),
    share: fields.share,
    shareCount: fields.n,
    ciphertext: fromHex(fields.wrapped),
  };
}

describe('the vectors of key blocks', () => {
  const { valid, mustFail } = readVectors('key-block.json');

  it('are all there', () => {
    assert.ok(valid.length >= 17 && mustFail.length >= 57);
  });

  for (const { name, wraps, block } of valid) {
    it(`parse to the same wraps: ${name}`, () => {
      const bytes = fromHex(block);
      const parsed = parseKeyBlock(bytes);
      assert.deepEqual(parsed.wraps, wraps.map(storedWrap));
      assert.equal(parsed.shareCount, wraps[0]?.n);
      assert.equal(parsed.bytes, bytes);
    });

    it(`encode to the same bytes: ${name}`, () => {
      assert.equal(Buffer.from(encodeKeyBlock(wraps.map(storedWrap)).bytes).toString('hex'), block);
    });
  }

  for (const { name, block, reason } of mustFail) {
    it(`are refused: ${name}`, () => {
      assertRefused(() => parseKeyBlock(fromHex(block)), reason);
    });
  }
});
