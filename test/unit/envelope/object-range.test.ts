import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BodyKey } from '../../../src/envelope/body-key.ts';
import { type ObjectRange, planRange } from '../../../src/envelope/object-range.ts';
import { RangeOpener } from '../../../src/envelope/range-opener.ts';
import { assertRefused } from '../core/refusal.ts';
import { bytesForRange, cipher, objectKey, openRange, plaintextOf, run, sealBody } from './bodies.ts';

const CHUNK = 16_384;
const SEALED = 16_400;
const PREFIX = 56;
const spans = (offset: number, length: number, objectSize: number): number[][] =>
  planRange({ offset, length, objectSize }).spans.map((span) => [span.offset, span.length]);
const chunk = (index: number): number => PREFIX + index * SEALED;

describe('planRange', () => {
  const size = 3 * CHUNK + 5;
  for (const { name, given, want } of [
    { name: 'one byte of the first chunk: one span with the prefix', given: [0, 1, size], want: [[0, PREFIX + SEALED]] },
    {
      name: 'the second chunk',
      given: [CHUNK, CHUNK, size],
      want: [
        [0, PREFIX],
        [chunk(1), SEALED],
      ],
    },
    {
      name: 'two bytes across a border',
      given: [2 * CHUNK - 1, 2, size],
      want: [
        [0, PREFIX],
        [chunk(1), 2 * SEALED],
      ],
    },
    {
      name: 'up to the last chunk: it is not needed',
      given: [2 * CHUNK, CHUNK, size],
      want: [
        [0, PREFIX],
        [chunk(2), SEALED],
      ],
    },
    {
      name: 'within the last chunk',
      given: [3 * CHUNK + 1, 1, size],
      want: [
        [0, PREFIX],
        [chunk(3), 21],
      ],
    },
    {
      name: 'to the end: the last chunk comes first',
      given: [2 * CHUNK, CHUNK + 5, size],
      want: [
        [0, PREFIX],
        [chunk(3), 21],
        [chunk(2), SEALED],
      ],
    },
    {
      name: 'beyond the end',
      given: [size, 10, size],
      want: [
        [0, PREFIX],
        [chunk(3), 21],
      ],
    },
    {
      name: 'far beyond the end',
      given: [2 ** 53 - 1, 2 ** 53 - 1, size],
      want: [
        [0, PREFIX],
        [chunk(3), 21],
      ],
    },
    {
      name: 'nothing at the end',
      given: [size, 0, size],
      want: [
        [0, PREFIX],
        [chunk(3), 21],
      ],
    },
    { name: 'nothing in the middle: the prefix alone', given: [CHUNK + 7, 0, size], want: [[0, PREFIX]] },
    { name: 'nothing in the last chunk', given: [3 * CHUNK + 1, 0, size], want: [[0, PREFIX]] },
    { name: 'an empty object', given: [0, 0, 0], want: [[0, PREFIX + 16]] },
    { name: 'a small object: one span', given: [2, 3, 5], want: [[0, PREFIX + 21]] },
    {
      name: 'the end of an object of whole chunks: the empty chunk as well',
      given: [2 * CHUNK - 1, 1, 2 * CHUNK],
      want: [
        [0, PREFIX],
        [chunk(2), 16],
        [chunk(1), SEALED],
      ],
    },
    {
      name: 'chunk 2^32 + 1 of the largest object',
      given: [(2 ** 32 + 1) * CHUNK, CHUNK, 2 ** 52 - 1],
      want: [
        [0, PREFIX],
        [chunk(2 ** 32 + 1), SEALED],
      ],
    },
    {
      name: 'the last byte of the largest object',
      given: [2 ** 52 - 2, 1, 2 ** 52 - 1],
      want: [
        [0, PREFIX],
        [chunk(2 ** 38 - 1), SEALED - 1],
      ],
    },
  ]) {
    it(name, () => {
      const [offset = 0, length = 0, objectSize = 0] = given;
      assert.deepEqual(spans(offset, length, objectSize), want);
    });
  }

  it('refuses what are no sizes, and objects beyond 2^52 - 1 bytes', () => {
    for (const bad of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      assertRefused(() => spans(bad, 1, 1), 'REQUEST_INVALID', /offset/);
      assertRefused(() => spans(1, bad, 1), 'REQUEST_INVALID', /length/);
      assertRefused(() => spans(1, 1, bad), 'REQUEST_INVALID', /object size/);
    }
    assertRefused(() => spans(0, 1, 2 ** 52), 'REQUEST_INVALID', /exceeds/);
  });
});

describe('RangeOpener', () => {
  const whole = plaintextOf(3 * CHUNK);
  const body = sealBody(whole);
  const tampered = (at: number): Buffer => {
    const copy = Buffer.from(body);
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
  };

  it('gives the slice at and around every border', () => {
    for (const offset of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 9]) {
      for (const length of [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 9 * CHUNK, 2 ** 53 - 1]) {
        const opened = openRange(body, { offset, length, objectSize: whole.length });
        assert.ok(opened.equals(whole.subarray(offset, offset + length)), `${offset} + ${length}`);
      }
    }
  });

  it('gives the slice within a last chunk that is not empty', () => {
    const plaintext = plaintextOf(CHUNK + 100);
    const sealed = sealBody(plaintext);
    for (const [offset, length] of [
      [CHUNK + 10, 5],
      [CHUNK + 10, 90],
      [CHUNK - 10, 30],
      [CHUNK, 100],
      [10, 2 * CHUNK],
    ] as const) {
      const opened = openRange(sealed, { offset, length, objectSize: plaintext.length });
      assert.ok(opened.equals(plaintext.subarray(offset, offset + length)), `${offset} + ${length}`);
    }
  });

  it('rejects a tampered empty last chunk for a range that reaches, passes or starts beyond the end, and for no other', () => {
    const altered = tampered(body.length - 1);
    const open = (offset: number, length: number): Buffer => openRange(altered, { offset, length, objectSize: whole.length });
    assertRefused(() => open(3 * CHUNK - 1, 1), 'CIPHERTEXT_REJECTED');
    assertRefused(() => open(0, 4 * CHUNK), 'CIPHERTEXT_REJECTED');
    assertRefused(() => open(3 * CHUNK, 0), 'CIPHERTEXT_REJECTED');
    assertRefused(() => open(9 * CHUNK, 1), 'CIPHERTEXT_REJECTED');
    assert.ok(open(0, 3 * CHUNK - 1).equals(whole.subarray(0, 3 * CHUNK - 1)));
  });

  it('gives nothing before the last chunk verified', () => {
    const range = { offset: 0, length: 3 * CHUNK, objectSize: 3 * CHUNK };
    const opener = new RangeOpener(cipher, objectKey(), planRange(range));
    const input = bytesForRange(tampered(body.length - 1), range);
    assertRefused(() => opener.push(input.subarray(0, PREFIX + 16)), 'CIPHERTEXT_REJECTED');
  });

  it('rejects every false size for a range that depends on it', () => {
    for (const objectSize of [0, 1, CHUNK, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK + 1, 4 * CHUNK, 2 ** 52 - 1]) {
      for (const range of [
        { offset: 0, length: 2 ** 53 - 1, objectSize },
        { offset: objectSize, length: 1, objectSize },
        { offset: Math.max(objectSize - 1, 0), length: 1, objectSize },
      ]) {
        assertRefused(() => openRange(body, range), 'CIPHERTEXT_REJECTED');
      }
    }
  });

  it('rejects bytes that are missing, too many, or from elsewhere', () => {
    const range: ObjectRange = { offset: CHUNK + 1, length: CHUNK, objectSize: whole.length };
    const sent = bytesForRange(body, range);
    const open = (bytes: Uint8Array): Buffer => run(new RangeOpener(cipher, objectKey(), planRange(range)), bytes);
    assert.equal(open(sent).length, CHUNK);
    for (let length = 0; length < sent.length; length += length < 80 ? 1 : 1009) {
      assertRefused(() => open(sent.subarray(0, length)), 'CIPHERTEXT_REJECTED');
    }
    assertRefused(() => open(Buffer.concat([sent, Buffer.alloc(1)])), 'CIPHERTEXT_REJECTED');
    const first = Buffer.concat([body.subarray(0, PREFIX), body.subarray(chunk(0), chunk(2))]);
    assertRefused(() => open(first), 'CIPHERTEXT_REJECTED');
  });

  it('rejects a wrong commitment for an empty range too', () => {
    const range = { offset: 5, length: 0, objectSize: whole.length };
    assert.equal(openRange(body, range).length, 0);
    for (const at of [0, 23, 24, 55]) assertRefused(() => openRange(tampered(at), range), 'CIPHERTEXT_REJECTED');
  });

  it('opens chunk 2^32 + 1, and takes chunk 1 for it in no case', () => {
    const salt = Buffer.alloc(24, 3);
    const key = new BodyKey(cipher, objectKey(), { salt });
    const index = 2 ** 32 + 1;
    const range = { offset: index * CHUNK, length: CHUNK, objectSize: 2 ** 52 - 1 };
    for (const [sealedAs, isRight] of [
      [index, true],
      [1, false],
    ] as const) {
      const sealed = Buffer.alloc(SEALED);
      key.seal(sealedAs, whole.subarray(0, CHUNK), sealed);
      const sent = Buffer.concat([salt, key.commitment, sealed]);
      const open = (): Buffer => run(new RangeOpener(cipher, objectKey(), planRange(range)), sent);
      if (isRight) assert.ok(open().equals(whole.subarray(0, CHUNK)));
      else assertRefused(open, 'CIPHERTEXT_REJECTED');
    }
  });

  it('stays failed, and cannot be used after its end', () => {
    const plan = planRange({ offset: 0, length: 1, objectSize: whole.length });
    const failed = new RangeOpener(cipher, objectKey(), plan);
    assertRefused(() => failed.push(Buffer.alloc(PREFIX)), 'CIPHERTEXT_REJECTED');
    assertRefused(() => failed.end(), 'CIPHERTEXT_REJECTED');
    const ended = new RangeOpener(cipher, objectKey(), plan);
    run(ended, bytesForRange(body, { offset: 0, length: 1, objectSize: whole.length }));
    assert.throws(() => ended.push(new Uint8Array(0)), /used after its end/);
  });
});
