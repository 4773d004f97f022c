import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { letGo } from '../../../src/rpc/let-go.ts';

const SIZE = 100_000;

describe('letting go of bytes', () => {
  it('gives back the memory of a message that is nothing else', () => {
    const message = new Uint8Array(SIZE + 12);
    letGo(message.subarray(9, 9 + SIZE));
    assert.equal(message.buffer.byteLength, 0);
    assert.ok(message.buffer.detached);
  });

  it('leaves memory alone that holds more, is small or is shared', () => {
    const parts = [
      new Uint8Array(2 * SIZE).subarray(0, SIZE),
      new Uint8Array(1_000),
      Buffer.from('a pooled one'),
      new Uint8Array(new SharedArrayBuffer(SIZE)),
    ];
    for (const part of parts) {
      const { length } = part;
      letGo(part);
      assert.equal(part.length, length);
    }
  });
});
