import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { ScratchWriter } from '../../../src/rpc/scratch-writer.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a scratch writer', () => {
  it('gives a view of one buffer, again and again', () => {
    const scratch = new ScratchWriter();
    const first = scratch.write((writer) => writer.uint32(10).string('first'));
    const second = scratch.write((writer) => writer.uint32(10).string('second'));
    assert.equal(first.buffer, second.buffer);
    assert.equal(second.toString('latin1'), '\n\u0006second');
  });

  it('zeroes what it wrote when control returns to the event loop, the longer message before the last one too', async () => {
    const scratch = new ScratchWriter();
    const long = scratch.write((writer) => writer.bytes(Buffer.alloc(1_000, 1)));
    const short = scratch.write((writer) => writer.bytes(Buffer.alloc(10, 2)));
    assert.deepEqual([long.length, short.length], [1_002, 11]);
    await turn();
    assert.ok(long.every((byte) => byte === 0));
  });

  it('zeroes what a message left that could not be written to its end', async () => {
    const scratch = new ScratchWriter();
    const before = scratch.write((writer) => writer.uint32(1));
    const whole = Buffer.from(before.buffer, 0, 200);
    const stop = (writer: BinaryWriter): never => {
      writer.fork().raw(Buffer.alloc(100, 3));
      throw new Error('stopped');
    };
    assert.throws(() => scratch.write(stop), { message: 'stopped' });
    const after = scratch.write((writer) => writer.uint32(5));
    assert.deepEqual([...after], [5]);
    await turn();
    assert.ok(whole.every((byte) => byte === 0));
  });

  it('zeroes the buffer that a large message outgrows, and lets go of the larger one', async () => {
    const scratch = new ScratchWriter();
    const start = scratch.write((writer) => writer.uint32(7));
    const kept = Buffer.from(start.buffer);
    const [half, rest] = [Buffer.alloc(400_000, 4), Buffer.alloc(2_000_000, 5)];
    const large = scratch.write((writer) => writer.raw(half).raw(rest));
    assert.ok(kept.every((byte) => byte === 0));
    assert.notEqual(large.buffer, start.buffer);
    assert.deepEqual(large, Buffer.concat([half, rest]));
    await turn();
    assert.ok(large.every((byte) => byte === 0));
    assert.equal(scratch.write((writer) => writer.uint32(7)).buffer, start.buffer);
  });

  it('moves a message within where its length takes more than one byte', () => {
    for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const nest = (writer: BinaryWriter): BinaryWriter =>
        writer.uint32(10).fork().raw(Buffer.alloc(length, 6)).join().uint32(300);
      assert.deepEqual(new Uint8Array(new ScratchWriter().write(nest)), new Uint8Array(nest(new BinaryWriter()).finish()));
    }
  });

  it('refuses kinds of numbers that no message has, and an end without a beginning', () => {
    const kinds = ['sint32', 'sint64', 'fixed32', 'sfixed32', 'fixed64', 'sfixed64', 'float', 'double'] as const;
    for (const kind of kinds) {
      assert.throws(
        () => new ScratchWriter().write((writer) => writer[kind](1)),
        /no message of the API has a number of this kind/,
      );
    }
    assert.throws(() => new ScratchWriter().write((writer) => writer.join()), /was not begun/);
  });

  it('lends room for bytes that are then sent from where they lie', async () => {
    for (const size of [0, 1, 127, 128, 16_384, 300_000]) {
      const scratch = new ScratchWriter();
      const room = scratch.room(size);
      room.fill(7);
      const message = scratch.write((writer) => writer.uint32(18).bytes(room));
      assert.deepEqual(new Uint8Array(message), new BinaryWriter().uint32(18).bytes(Buffer.alloc(size, 7)).finish());
      assert.equal(message.buffer, room.buffer);
      assert.equal(message.byteOffset + message.length, room.byteOffset + size);
      await turn();
      assert.ok(message.every((byte) => byte === 0));
    }
  });

  it('zeroes room that was never sent, and writes any other message after it', async () => {
    const scratch = new ScratchWriter();
    const room = scratch.room(1_000).fill(8);
    const other = scratch.write((writer) => writer.uint32(10).string('other'));
    assert.equal(other.toString('latin1'), '\n\u0005other');
    await turn();
    assert.ok(room.every((byte) => byte === 0));
  });

  it('refuses lent bytes that no longer hold, that are not alone in their message, and room beyond what is kept', async () => {
    const scratch = new ScratchWriter();
    const late = scratch.room(10);
    await turn();
    const refusal = { message: 'lent bytes are not those of this message' };
    assert.throws(() => scratch.write((writer) => writer.uint32(18).bytes(late)), refusal);
    const sent = scratch.room(10);
    scratch.write((writer) => writer.uint32(18).bytes(sent));
    assert.throws(() => scratch.write((writer) => writer.uint32(18).bytes(sent)), refusal);
    const second = scratch.room(10);
    assert.throws(() => scratch.write((writer) => writer.uint32(8).uint32(1).uint32(18).bytes(second)), refusal);
    assert.throws(() => scratch.room(512 * 1024), RangeError);
  });
});
