import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { objectBytesOf } from '../../../../src/cli/files/object-file.ts';

describe('the size of an object', () => {
  for (const bytes of [0, 1, 16_383, 16_384, 16_385, 2 ** 20 - 1, 2 ** 20]) {
    it(`is ${bytes} for the body that so many bytes have`, () => {
      assert.equal(objectBytesOf(56 + bytes + 16 * (Math.floor(bytes / 16_384) + 1)), bytes);
    });
  }

  it('is none for a body that no object has', () => {
    for (const bodyBytes of [-1, 0, 56, 71, 56 + 16_400, 56 + 16_400 + 15]) assert.equal(objectBytesOf(bodyBytes), undefined);
  });
});
