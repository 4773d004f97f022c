import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeysideError } from '../../src/core/errors.ts';
import { ChunkOpener } from '../../src/envelope/chunk-opener.ts';
import { ChunkSealer } from '../../src/envelope/chunk-sealer.ts';
import { planRange } from '../../src/envelope/object-range.ts';
import { RangeOpener } from '../../src/envelope/range-opener.ts';
import { cipher, objectKey, openBody, openRange, plaintextOf, run, sealBody } from '../unit/envelope/bodies.ts';
import { scriptedCipher } from '../vectors/scripted-cipher.ts';
import { check } from './runs.ts';

const CHUNK = 16_384;
const SALT = new Uint8Array(24).fill(3);

/** Sizes anywhere and, more often than chance has it, at the borders of chunks. */
const near = fc.tuple(fc.nat(4), fc.integer({ min: -1, max: 1 })).map(([chunks, by]) => Math.max(0, chunks * CHUNK + by));
const size = fc.oneof(near, fc.nat(5 * CHUNK), fc.nat(64));
const cuts = fc.array(fc.nat(6 * CHUNK), { maxLength: 12 });

function assertRejected(call: () => unknown, what: string): void {
  assert.throws(call, (error) => error instanceof KeysideError && error.reason === 'CIPHERTEXT_REJECTED', what);
}

describe('a sealed body', () => {
  it('has the same bytes however its plaintext was cut', () => {
    check(
      fc.property(size, cuts, (length, places) => {
        const seal = (at: number[]): Buffer => run(new ChunkSealer(scriptedCipher([SALT]), objectKey()), plaintextOf(length), at);
        assert.ok(seal(places).equals(seal([])));
      }),
    );
  });

  it('opens to what was sealed, however it is cut', () => {
    check(
      fc.property(size, cuts, cuts, (length, one, other) => {
        assert.ok(openBody(sealBody(plaintextOf(length), one), other).equals(plaintextOf(length)));
      }),
    );
  });

  it('gives the slice for any range, however its bytes are cut', () => {
    const length = 5 * CHUNK + 77;
    const [plaintext, body] = [plaintextOf(length), sealBody(plaintextOf(length))];
    check(
      fc.property(fc.oneof(near, fc.nat(6 * CHUNK)), fc.oneof(near, fc.nat(6 * CHUNK)), cuts, (offset, count, places) => {
        const opened = openRange(body, { offset, length: count, objectSize: length }, places);
        assert.ok(opened.equals(plaintext.subarray(offset, offset + count)));
      }),
      200,
    );
  });

  it('gives, for any size, the slice for any range, or everything where the length is huge', () => {
    check(
      fc.property(size, size, size, (objectSize, offset, length) => {
        const [plaintext, body] = [plaintextOf(objectSize), sealBody(plaintextOf(objectSize))];
        assert.ok(openRange(body, { offset, length, objectSize }).equals(plaintext.subarray(offset, offset + length)));
        const toEnd = openRange(body, { offset, length: Number.MAX_SAFE_INTEGER, objectSize });
        assert.ok(toEnd.equals(plaintext.subarray(offset)));
      }),
      60,
    );
  });

  it('opens under no false size where the range reaches the claimed end', () => {
    check(
      fc.property(size, size, fc.nat(6 * CHUNK), (objectSize, claimed, offset) => {
        fc.pre(objectSize !== claimed);
        const range = { offset, length: Number.MAX_SAFE_INTEGER, objectSize: claimed };
        assertRejected(() => openRange(sealBody(plaintextOf(objectSize)), range), `${objectSize} as ${claimed}`);
      }),
    );
  });

  it('says beforehand how many bytes a call gives', () => {
    check(
      fc.property(size, cuts, (length, places) => {
        const body = sealBody(plaintextOf(length));
        const range = planRange({ offset: Math.floor(length / 3), length, objectSize: length });
        const sent = Buffer.concat(range.spans.map((span) => body.subarray(span.offset, span.offset + span.length)));
        for (const [through, input] of [
          [new ChunkSealer(cipher, objectKey()), plaintextOf(length)],
          [new ChunkOpener(cipher, objectKey()), body],
          [new RangeOpener(cipher, objectKey(), range), sent],
        ] as const) {
          let at = 0;
          for (const cut of [...places.sort((a, b) => a - b), input.length]) {
            const piece = input.subarray(at, Math.max(at, cut));
            const out = Buffer.alloc(through.sizeOfPush(piece.length) + 1, 0xee);
            assert.equal(through.push(piece, out).length, out.length - 1);
            assert.equal(out.at(-1), 0xee);
            at += piece.length;
          }
          assert.equal(through.end().length >= 0, true);
        }
      }),
      60,
    );
  });
});

describe('a small sealed body, at every single bit and every length', () => {
  const body = sealBody(plaintextOf(40));

  it('is rejected for a flipped bit', () => {
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (0x80 >> (bit & 7));
      assertRejected(() => openBody(changed), `bit ${bit}`);
    }
  });

  it('is rejected for every shorter length, and for every few bytes more', () => {
    for (let length = 0; length < body.length; length++) assertRejected(() => openBody(body.subarray(0, length)), `${length}`);
    for (let more = 1; more < 40; more++) assertRejected(() => openBody(Buffer.concat([body, Buffer.alloc(more)])), `${more}`);
  });
});
