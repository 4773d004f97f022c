import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader, ShortInput } from '../../../src/core/byte-reader.ts';

describe('ByteReader', () => {
  it('reads big-endian integers, counted bytes and length-prefixed values in order', () => {
    const reader = new ByteReader(Buffer.from('ff' + '8001' + 'aabb' + '0003010203' + '0000', 'hex'));
    assert.equal(reader.u8('a'), 0xff);
    assert.equal(reader.u16('b'), 0x8001);
    assert.deepEqual([...reader.take(2, 'c')], [0xaa, 0xbb]);
    assert.equal(reader.position, 5);
    assert.deepEqual([...reader.lp('d')], [1, 2, 3]);
    assert.equal(reader.remaining, 2);
    assert.equal(reader.lp('e').length, 0);
    assert.equal(reader.remaining, 0);
  });

  it('returns views of its input and copies nothing', () => {
    const input = new Uint8Array([0, 2, 7, 8, 9]);
    const reader = new ByteReader(input);
    for (const view of [reader.lp('a'), reader.take(1, 'b')]) assert.equal(view.buffer, input.buffer);
  });

  it('reads from the middle of a larger buffer and never past its own part', () => {
    const whole = new Uint8Array([1, 2, 3, 4, 5, 6]);
    const reader = new ByteReader(whole.subarray(2, 4));
    assert.deepEqual([...reader.take(2, 'a')], [3, 4]);
    assert.throws(() => reader.u8('b'), ShortInput);
  });

  const short = [
    { name: 'a u8 of nothing', input: '', read: (reader: ByteReader) => reader.u8('version') },
    { name: 'a u16 of nothing', input: '', read: (reader: ByteReader) => reader.u16('version') },
    { name: 'a u16 of one byte', input: '00', read: (reader: ByteReader) => reader.u16('version') },
    { name: 'one byte more than there is', input: '0000', read: (reader: ByteReader) => reader.take(3, 'version') },
    { name: 'a length of one byte', input: '00', read: (reader: ByteReader) => reader.lp('version') },
    { name: 'a length without its value', input: '0001', read: (reader: ByteReader) => reader.lp('version') },
    { name: 'a length of 65,535 with one byte', input: 'ffff00', read: (reader: ByteReader) => reader.lp('version') },
  ];
  for (const { name, input, read } of short) {
    it(`throws ShortInput that names what was read: ${name}`, () => {
      const reader = new ByteReader(Buffer.from(input, 'hex'));
      assert.throws(() => read(reader), { name: 'ShortInput', message: 'the input ends within its version' });
    });
  }
});
