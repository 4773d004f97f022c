import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { BodyKey } from '../../../src/envelope/body-key.ts';
import { ChunkOpener } from '../../../src/envelope/chunk-opener.ts';
import { ChunkSealer } from '../../../src/envelope/chunk-sealer.ts';
import { deriveObject, deriveObjectVerified } from '../../../src/envelope/object-key.ts';
import { assertRefused } from '../core/refusal.ts';
import { cipher, objectKey, openBody, plaintextOf, sealBody } from './bodies.ts';
import { context, dataKey, sampleHeader } from './sample.ts';

const CHUNK = 16_384;
const SEALED = 16_400;
const PREFIX = 56;
const chunksOf = (body: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil((body.length - PREFIX) / SEALED) }, (_, at) =>
    body.subarray(PREFIX + at * SEALED, PREFIX + (at + 1) * SEALED),
  );

describe('ChunkSealer', () => {
  it('gives salt and commitment first, then full chunks, then a shorter one that may be empty', () => {
    for (const [size, chunks] of [
      [0, 1],
      [1, 1],
      [CHUNK - 1, 1],
      [CHUNK, 2],
      [CHUNK + 1, 2],
      [70_000, 5],
    ] as const) {
      const body = sealBody(plaintextOf(size));
      assert.equal(body.length, PREFIX + size + chunks * 16);
      assert.ok(openBody(body).equals(plaintextOf(size)), `${size} bytes`);
    }
  });

  it('writes into a given buffer, says beforehand how much, and returns a view of it', () => {
    const sealer = new ChunkSealer(cipher, objectKey());
    const out = Buffer.alloc(600_000, 0xee);
    const input = plaintextOf(256 * 1024);
    assert.equal(sealer.sizeOfPush(input.length), PREFIX + 16 * SEALED);
    const first = sealer.push(input, out);
    assert.equal(first.buffer, out.buffer);
    assert.equal(first.length, PREFIX + 16 * SEALED);
    assert.equal(out[first.length], 0xee);
    assert.equal(sealer.sizeOfPush(input.length), 16 * SEALED);
    const second = sealer.push(input, out.subarray(first.length));
    assert.equal(sealer.sizeOfEnd, 16);
    const last = sealer.end();
    const opened = openBody(Buffer.concat([first, second, last]));
    assert.ok(opened.equals(Buffer.concat([input, input])));
  });

  it('does nothing where the output buffer is short', () => {
    const sealer = new ChunkSealer(cipher, objectKey());
    assert.throws(() => sealer.push(plaintextOf(CHUNK), Buffer.alloc(PREFIX + SEALED - 1)), RangeError);
    assert.ok(openBody(Buffer.concat([sealer.push(plaintextOf(CHUNK)), sealer.end()])).equals(plaintextOf(CHUNK)));
  });

  it('refuses an object of 2^52 bytes and allows one byte less', () => {
    const sealer = new ChunkSealer(cipher, objectKey());
    assert.equal(sealer.sizeOfPush(2 ** 52 - 1), PREFIX + (2 ** 38 - 1) * SEALED);
    assert.throws(() => sealer.sizeOfPush(2 ** 52), { reason: 'PAYLOAD_TOO_LARGE' });
    sealer.push(plaintextOf(1));
    assert.throws(() => sealer.sizeOfPush(2 ** 52 - 1), { reason: 'PAYLOAD_TOO_LARGE' });
  });

  it('cannot be used after its end or once wiped', () => {
    const ended = new ChunkSealer(cipher, objectKey());
    ended.end();
    const wiped = new ChunkSealer(cipher, objectKey());
    wiped[Symbol.dispose]();
    for (const sealer of [ended, wiped]) {
      assert.throws(() => sealer.push(new Uint8Array(1)), /used after its end/);
      assert.throws(() => sealer.end(), /used after its end/);
      sealer.wipe();
    }
  });

  it('seals two bodies of the same plaintext differently', () => {
    assert.ok(!sealBody(plaintextOf(9)).equals(sealBody(plaintextOf(9))));
  });
});

describe('ChunkOpener', () => {
  const body = sealBody(plaintextOf(3 * CHUNK + 5));
  const prefix = body.subarray(0, PREFIX);
  const [a, b, c, last] = chunksOf(body) as [Buffer, Buffer, Buffer, Buffer];
  const other = chunksOf(sealBody(plaintextOf(3 * CHUNK + 5)))[1] as Buffer;

  for (const { name, parts } of [
    { name: 'chunks exchanged', parts: [prefix, b, a, c, last] },
    { name: 'a chunk dropped', parts: [prefix, a, c, last] },
    { name: 'a chunk doubled', parts: [prefix, a, a, b, c, last] },
    { name: 'a chunk of another body under the same object key', parts: [prefix, a, other, c, last] },
    { name: 'the prefix of another body', parts: [sealBody(plaintextOf(1)).subarray(0, PREFIX), a, b, c, last] },
    { name: 'the last chunk missing', parts: [prefix, a, b, c] },
    { name: 'the last chunk alone', parts: [prefix, last] },
    { name: 'the last chunk doubled', parts: [prefix, a, b, c, last, last] },
    { name: 'bytes after the last chunk', parts: [prefix, a, b, c, last, Buffer.alloc(SEALED)] },
    { name: 'nothing but the prefix', parts: [prefix] },
    { name: 'nothing', parts: [] },
  ]) {
    it(`rejects ${name}`, () => {
      assertRefused(() => openBody(Buffer.concat(parts)), 'CIPHERTEXT_REJECTED', /does not verify/);
    });
  }

  it('rejects another object key before any chunk', () => {
    const opener = new ChunkOpener(cipher, SecretBytes.own(Buffer.alloc(32, 1)));
    assertRefused(() => opener.push(prefix), 'CIPHERTEXT_REJECTED');
  });

  it('stays failed, and returns nothing of a call in which something failed', () => {
    const opener = new ChunkOpener(cipher, objectKey());
    const out = Buffer.alloc(3 * CHUNK, 0xee);
    assertRefused(() => opener.push(Buffer.concat([prefix, a, c]), out), 'CIPHERTEXT_REJECTED');
    assert.ok(out.subarray(0, 2 * CHUNK).equals(Buffer.alloc(2 * CHUNK)));
    opener.wipe();
    assertRefused(() => opener.push(a), 'CIPHERTEXT_REJECTED');
    assertRefused(() => opener.sizeOfPush(1), 'CIPHERTEXT_REJECTED');
    assertRefused(() => opener.end(), 'CIPHERTEXT_REJECTED');
  });

  it('gives a chunk as soon as it is complete, and says beforehand how much', () => {
    const opener = new ChunkOpener(cipher, objectKey());
    assert.equal(opener.push(body.subarray(0, 10)).length, 0);
    assert.equal(opener.sizeOfPush(PREFIX + SEALED - 11), 0);
    assert.equal(opener.sizeOfPush(PREFIX + SEALED - 10), CHUNK);
    assert.equal(opener.push(body.subarray(10, PREFIX + SEALED)).length, CHUNK);
    assert.equal(opener.push(body.subarray(PREFIX + SEALED)).length, 2 * CHUNK);
    assert.equal(opener.sizeOfEnd, 5);
    assert.throws(() => opener.end(Buffer.alloc(4)), RangeError);
    assert.equal(opener.end().length, 5);
    assert.throws(() => opener.end(), /used after its end/);
  });

  it('cannot be used once wiped', () => {
    const opener = new ChunkOpener(cipher, objectKey());
    opener[Symbol.dispose]();
    assert.throws(() => opener.push(prefix), /used after its end/);
  });
});

describe('BodyKey', () => {
  const key = (): BodyKey => new BodyKey(cipher, objectKey(), { salt: Buffer.alloc(24, 3) });
  const sealed = (index: number): string => {
    const out = Buffer.alloc(17);
    key().seal(index, Buffer.of(7), out);
    return out.toString('hex');
  };

  it('has a nonce of its own for indices that differ in their upper or lower bits only', () => {
    const indices = [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 33 + 1, 2 ** 38 - 1];
    assert.equal(new Set(indices.map(sealed)).size, indices.length);
    for (const index of indices) assert.ok(key().open(index, Buffer.from(sealed(index), 'hex'), Buffer.alloc(1)));
    assert.equal(key().open(1, Buffer.from(sealed(2 ** 32 + 1), 'hex'), Buffer.alloc(1)), false);
  });

  it('writes the index big-endian into the end of the nonce', () => {
    const nonces: bigint[] = [];
    const watched = {
      ...cipher,
      seal: (...[, input]: Parameters<typeof cipher.seal>) => {
        nonces.push(BigInt(`0x${Buffer.from(input.nonce).toString('hex')}`));
      },
    };
    const watchedKey = new BodyKey(watched, objectKey(), { salt: Buffer.alloc(24, 3) });
    for (const index of [0, 2 ** 32 + 1, 2 ** 38 - 1]) watchedKey.seal(index, new Uint8Array(0), new Uint8Array(16));
    const [base = 0n, ...others] = nonces;
    assert.deepEqual(
      others.map((nonce) => nonce ^ base),
      [2n ** 32n + 1n, 2n ** 38n - 1n],
    );
  });

  it('refuses indices beyond 38 bits, keys and salts of other sizes, and use once wiped', () => {
    for (const index of [-1, 0.5, 2 ** 38, Number.NaN]) assert.throws(() => sealed(index), RangeError);
    assert.throws(() => new BodyKey(cipher, SecretBytes.own(Buffer.alloc(31)), { salt: Buffer.alloc(24) }), RangeError);
    assert.throws(() => new BodyKey(cipher, objectKey(), { salt: Buffer.alloc(23) }), RangeError);
    const wiped = key();
    wiped[Symbol.dispose]();
    assert.throws(() => wiped.seal(0, new Uint8Array(0), Buffer.alloc(16)), /wiped/);
  });
});

describe('the object key', () => {
  it('is given for an object header that verifies, and for none else', () => {
    const header = sampleHeader('object');
    const { key, commitment } = deriveObject(cipher, dataKey(), { salt: header.salt, context });
    assert.deepEqual(commitment, new Uint8Array(header.commitment));
    assert.ok(deriveObjectVerified(cipher, dataKey(), { header, context })?.equals(key));
    assert.equal(deriveObjectVerified(cipher, dataKey(), { header: sampleHeader('document'), context }), undefined);
    assert.equal(deriveObjectVerified(cipher, dataKey(), { header, context: Buffer.concat([context, context]) }), undefined);
    const cut = { ...header, commitment: header.commitment.subarray(1) };
    assert.equal(deriveObjectVerified(cipher, dataKey(), { header: cut, context }), undefined);
  });
});
