import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MessageCollector } from '../../../src/rpc/message-collector.ts';

const MAX_BYTES = 1_000;

function frame(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.of(flag, 0, 0, 0, 0);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Collects what is asked of it, and lets through what is not named. */
function collector({ refuseSize, refuseMessage }: { refuseSize?: number; refuseMessage?: number } = {}) {
  const asked: [size: number, isCompressed: boolean][] = [];
  const judged: number[] = [];
  const messages = new MessageCollector(
    {
      begins: (size, isCompressed) => {
        asked.push([size, isCompressed]);
        return size !== refuseSize;
      },
      completes: (message) => {
        judged.push(message.length);
        return message.length !== refuseMessage;
      },
    },
    MAX_BYTES,
  );
  return { messages, asked, judged };
}

describe('the messages of a call', () => {
  it('are whole, however the bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: MAX_BYTES }), { maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (lengths, cuts) => {
        const frames = lengths.map((length) => frame(randomBytes(length)));
        const all = Buffer.concat(frames);
        const { messages, asked } = collector();
        const got: Buffer[] = [];
        for (let at = 0, cut = 0; at < all.length; cut += 1) {
          const next = at + (cuts[cut % cuts.length] as number);
          got.push(...messages.write(all.subarray(at, next)));
          at = next;
        }
        assert.deepEqual(got, frames);
        assert.deepEqual(
          asked,
          lengths.map((length) => [length, false]),
        );
      }),
    );
  });

  it('are asked for by their prefix alone, compressed ones as such', () => {
    const { messages, asked, judged } = collector();
    assert.deepEqual(messages.write(frame(Buffer.alloc(900), 1).subarray(0, 5)), []);
    assert.deepEqual([asked, judged], [[[900, true]], []]);
  });

  it('that are refused take no memory, and nothing after them is looked at', () => {
    const { messages, asked } = collector({ refuseSize: 500 });
    const got = messages.write(Buffer.concat([frame(Buffer.alloc(3)), frame(Buffer.alloc(500)), frame(Buffer.alloc(4))]));
    assert.deepEqual(got, [frame(Buffer.alloc(3))]);
    assert.deepEqual(messages.write(frame(Buffer.alloc(5))), []);
    assert.equal(asked.length, 2);
  });

  it('that are complete are judged before they are given on', () => {
    const { messages, judged } = collector({ refuseMessage: 500 });
    assert.deepEqual(messages.write(Buffer.concat([frame(Buffer.alloc(500)), frame(Buffer.alloc(4))])), []);
    assert.deepEqual(judged, [500]);
  });

  it('that are larger than any may be end the call in the words of the transport', () => {
    const { messages, asked } = collector();
    assert.throws(() => messages.write(frame(Buffer.alloc(MAX_BYTES + 1)).subarray(0, 9)), {
      message: `Received message larger than max (${MAX_BYTES + 1} vs ${MAX_BYTES})`,
    });
    assert.deepEqual(asked, []);
    assert.deepEqual(messages.write(frame(Buffer.alloc(1))), []);
  });
});
