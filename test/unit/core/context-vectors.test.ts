import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeContext, encodeWrapContext } from '../../../src/core/encryption-context.ts';
import { contextOf, wrapContextOf } from '../../vectors/reader.ts';
import { readVectors } from '../../vectors/vectors.ts';
import { assertRefused } from './refusal.ts';

describe('the vectors of contexts', () => {
  const { valid, mustFail } = readVectors('context.json');

  it('are all there', () => {
    assert.ok(valid.length >= 23 && mustFail.length >= 20);
  });

  for (const vector of valid) {
    it(`encode to the same bytes: ${vector.name}`, () => {
      assert.equal(Buffer.from(encodeContext(contextOf(vector))).toString('hex'), vector.context);
    });

    it(`encode to the same bytes in whatever order the pairs come: ${vector.name}`, () => {
      const reversed = { ...vector, pairs: vector.pairs.toReversed() };
      assert.equal(Buffer.from(encodeContext(contextOf(reversed))).toString('hex'), vector.context);
    });
  }

  for (const vector of mustFail) {
    it(`are refused: ${vector.name}`, () => {
      assertRefused(() => encodeContext(contextOf(vector)), vector.reason);
    });
  }
});

describe('the vectors of wrap contexts', () => {
  const { valid } = readVectors('wrap-context.json');

  it('are all there', () => {
    assert.ok(valid.length >= 7);
  });

  for (const vector of valid) {
    it(`encode to the same bytes: ${vector.name}`, () => {
      assert.equal(Buffer.from(encodeWrapContext(wrapContextOf(vector))).toString('hex'), vector.wrapContext);
    });
  }
});
