import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { RandomPool } from '../../../src/cipher/random-pool.ts';

/** The buffers that the system's generator was asked to fill, in order. It counts instead of drawing: each 4 bytes are the next number. */
const filled: Uint8Array[] = [];
let next = 1;

function fillCounting(out: Uint8Array): Uint8Array {
  filled.push(out);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  for (let at = 0; at + 4 <= out.length; at += 4) view.setUint32(at, next++);
  return out;
}

describe('RandomPool', () => {
  beforeEach(() => {
    filled.length = 0;
    next = 1;
    mock.method(crypto, 'randomFillSync', fillCounting);
    syncBuiltinESMExports();
  });

  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  function draw(pool: RandomPool, count: number): Buffer {
    const out = Buffer.alloc(count, 0xaa);
    pool.fill(out);
    return out;
  }

  it('hands out every byte once, in whatever portions', () => {
    const pool = new RandomPool();
    const seen = new Set<number>();
    let words = 0;
    for (let round = 0; round < 3_000; round++) {
      const portion = draw(pool, [12, 24, 32, 4, 0, 100, 3_072, 3_076][round % 8] as number);
      for (let at = 0; at < portion.length; at += 4) {
        seen.add(portion.readUInt32BE(at));
        words++;
      }
    }
    assert.equal(seen.size, words);
    assert.ok(!seen.has(0), 'a zeroed part of the pool was handed out');
    assert.ok(!seen.has(0xaaaaaaaa), 'a part of a portion was not filled');
  });

  it('zeroes in the pool what it hands out', () => {
    const pool = new RandomPool();
    draw(pool, 12);
    const [memory] = filled;
    assert.ok(memory !== undefined);
    assert.ok(memory.subarray(0, 12).every((byte) => byte === 0));
    assert.ok(memory.subarray(12).some((byte) => byte !== 0));
    while (filled.length === 1) draw(pool, 24);
    assert.ok(
      memory.subarray(0, 24).every((byte) => byte === 0),
      'zeroed again after the pool was filled anew',
    );
  });

  it('asks the system once for many portions, and for a large one directly', () => {
    const pool = new RandomPool();
    for (let at = 0; at < 500; at++) draw(pool, 24);
    assert.equal(filled.length, 1);
    const large = draw(pool, 3_076);
    assert.equal(filled.length, 2);
    assert.equal(filled[1], large);
  });

  it('never runs into its end: the portion that does not fit is drawn from a fresh pool', () => {
    const pool = new RandomPool();
    for (let at = 0; at < 4; at++) draw(pool, 3_068);
    const portion = draw(pool, 3_068);
    assert.equal(filled.length, 2);
    assert.equal(portion.readUInt32BE(0), 12 * 256 + 1, 'the first number of the second filling');
  });

  it('shares no memory with what it handed out', () => {
    const pool = new RandomPool();
    const portion = draw(pool, 12);
    assert.notEqual(filled[0]?.buffer, portion.buffer);
  });
});
