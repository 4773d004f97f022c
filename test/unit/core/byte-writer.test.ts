import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader } from '../../../src/core/byte-reader.ts';
import { ByteWriter } from '../../../src/core/byte-writer.ts';

const hex = (writer: ByteWriter): string => Buffer.from(writer.finish()).toString('hex');

describe('ByteWriter', () => {
  it('writes big-endian integers, bytes, text and length-prefixed values', () => {
    const writer = new ByteWriter()
      .u8(0)
      .u8(255)
      .u16(0x8001)
      .bytes(Uint8Array.of(7, 8))
      .text('a\u00e9')
      .lp('\u{1f511}')
      .lp(Uint8Array.of(9));
    assert.equal(hex(writer), '00ff80010708' + '61c3a9' + '0004f09f9491' + '000109');
  });

  // Growing replaces the buffer: a method that took hold of it too early wrote into the old one.
  const crossing = [
    { name: 'u8', write: (writer: ByteWriter) => writer.u8(0xa5), want: 'a5' },
    { name: 'u16', write: (writer: ByteWriter) => writer.u16(0xa5a6), want: 'a5a6' },
    { name: 'bytes', write: (writer: ByteWriter) => writer.bytes(Buffer.from('a5a6a7', 'hex')), want: 'a5a6a7' },
    { name: 'text', write: (writer: ByteWriter) => writer.text('\u{1f511}'), want: 'f09f9491' },
    { name: 'lp of bytes', write: (writer: ByteWriter) => writer.lp(Buffer.from('a5a6', 'hex')), want: '0002a5a6' },
    { name: 'lp of text', write: (writer: ByteWriter) => writer.lp('xy'), want: '00027879' },
  ];
  for (const { name, write, want } of crossing) {
    it(`loses nothing where it outgrows its capacity: ${name}`, () => {
      for (let capacity = 0; capacity <= 8; capacity++) {
        const writer = new ByteWriter(capacity);
        for (let at = 0; at < 5; at++) write(writer);
        assert.equal(hex(writer), want.repeat(5), `capacity ${capacity}`);
      }
    });
  }

  it('finishes with a copy on its own memory, and may go on', () => {
    const writer = new ByteWriter(64).u8(1);
    const first = writer.finish();
    writer.u8(2);
    assert.deepEqual([...first], [1]);
    assert.equal(first.buffer.byteLength, 1);
    assert.deepEqual([...writer.finish()], [1, 2]);
  });

  it('Precondition: at most 65,535 bytes.', () => {
    const longest = new ByteWriter(0).lp('x'.repeat(65_535)).lp(new Uint8Array(65_535)).finish();
    const reader = new ByteReader(longest);
    assert.equal(reader.lp('text').length, 65_535);
    assert.equal(reader.lp('bytes').length, 65_535);
    assert.throws(() => new ByteWriter().lp('x'.repeat(65_536)), RangeError);
    assert.throws(() => new ByteWriter().lp('\u00e9'.repeat(32_768)), RangeError, 'counted in bytes');
    assert.throws(() => new ByteWriter().lp(new Uint8Array(65_536)), RangeError);
  });

  it('Precondition: an integer of 0 to 255.', () => {
    for (const value of [-1, 256, 257, 1.5, Number.NaN]) assert.throws(() => new ByteWriter().u8(value), RangeError, `${value}`);
  });

  it('refuses a u16 that would wrap around', () => {
    for (const value of [-1, 65_536]) assert.throws(() => new ByteWriter().u16(value), RangeError, `${value}`);
  });
});
