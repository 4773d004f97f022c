import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { type Cipher, type CipherKey, type FieldBatch, TAG_BYTES } from '../../../src/cipher/cipher.ts';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { check } from '../../property/runs.ts';
import { cipherContract } from './cipher-contract.ts';
import { nativeSetup } from './native-setup.ts';

const { cipher: built, skip } = nativeSetup();
const reference = nodeCipher();

const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const messages = fc.record({ raw: exactly(32), nonce: exactly(12), aad: bytes(300), plaintext: bytes(5_000) });

/** A view that starts anywhere in memory of its own: alignment must not matter. */
function shifted(source: Uint8Array, by: number): Uint8Array {
  const view = new Uint8Array(source.length + by + 3).subarray(by, by + source.length);
  view.set(source);
  return view;
}

function agreement(cipher: Cipher): void {
  it('seals any message to the same bytes, wherever it lies in memory', () => {
    check(
      fc.property(messages, fc.nat(17), ({ raw, ...input }, by) => {
        const [ours, theirs] = [
          shifted(new Uint8Array(input.plaintext.length + TAG_BYTES), by),
          Buffer.alloc(input.plaintext.length + 16),
        ];
        const { nonce, aad, plaintext } = input;
        const moved = { nonce: shifted(nonce, by), aad: shifted(aad, by), plaintext: shifted(plaintext, by) };
        cipher.seal(cipher.importKey(shifted(raw, by)), moved, ours);
        reference.seal(reference.importKey(raw), input, theirs);
        assert.deepEqual(Buffer.from(ours), theirs);
      }),
      300,
    );
  });

  it('opens what the other sealed, and neither opens it after any one change', () => {
    check(
      fc.property(messages, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ raw, ...input }, at, change) => {
        const ciphertext = Buffer.alloc(input.plaintext.length + TAG_BYTES);
        reference.seal(reference.importKey(raw), input, ciphertext);
        const key = cipher.importKey(raw);
        const out = Buffer.alloc(input.plaintext.length);
        assert.equal(cipher.open(key, { ...input, ciphertext }, out), true);
        assert.deepEqual(out, Buffer.from(input.plaintext));
        ciphertext.writeUInt8(ciphertext.readUInt8(at % ciphertext.length) ^ change, at % ciphertext.length);
        assert.equal(cipher.open(key, { ...input, ciphertext }, out), false);
        assert.equal(reference.open(reference.importKey(raw), { ...input, ciphertext }, Buffer.alloc(out.length)), false);
        assert.ok(out.equals(Buffer.alloc(out.length)));
      }),
      300,
    );
  });

  it('expands any key and info to the same bytes, long infos too', () => {
    check(
      fc.property(exactly(32), bytes(1_000), fc.integer({ min: 1, max: 64 }), (key, info, length) => {
        assert.deepEqual(Buffer.from(cipher.expand(key, info, length)), Buffer.from(reference.expand(key, info, length)));
      }),
      300,
    );
  });

  it('does not open with any single bit flipped, in nonce, additional data, ciphertext or tag', () => {
    const key = cipher.importKey(Buffer.alloc(32, 7));
    const whole = { nonce: Buffer.alloc(12, 1), aad: Buffer.from('data'), plaintext: Buffer.from('seventeen bytes..') };
    const ciphertext = Buffer.alloc(whole.plaintext.length + TAG_BYTES);
    cipher.seal(key, whole, ciphertext);
    const out = Buffer.alloc(whole.plaintext.length);
    const input = { nonce: whole.nonce, aad: whole.aad, ciphertext };
    for (const part of Object.values(input)) {
      for (let bit = 0; bit < part.length * 8; bit++) {
        part.writeUInt8(part.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        assert.equal(cipher.open(key, input, out.fill(0xaa)), false);
        assert.ok(out.every((byte) => byte === 0));
        part.writeUInt8(part.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      }
    }
    assert.equal(cipher.open(key, input, out), true);
  });
}

/** So that handles of keys are finalized here, not after the test. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

function keys(cipher: Cipher): void {
  it('keeps many keys apart, whichever were let go of before', async () => {
    const input = { nonce: Buffer.alloc(12), aad: Buffer.alloc(0), plaintext: Buffer.from('plaintext') };
    const [ours, theirs] = [Buffer.alloc(25), Buffer.alloc(25)];
    for (let round = 0; round < 4; round++) {
      const imported = Array.from({ length: 500 }, (_, at) => cipher.importKey(Buffer.alloc(32, at % 251)));
      for (const [at, key] of imported.entries()) {
        cipher.seal(key, input, ours);
        reference.seal(reference.importKey(Buffer.alloc(32, at % 251)), input, theirs);
        assert.deepEqual(ours, theirs);
      }
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it('keeps keys apart where others are released among them, and gives their memory to the next', () => {
    const input = { nonce: Buffer.alloc(12), aad: Buffer.alloc(0), plaintext: Buffer.from('plaintext') };
    const [ours, theirs] = [Buffer.alloc(25), Buffer.alloc(25)];
    const live = new Map<number, CipherKey>();
    for (let at = 0; at < 3_000; at++) {
      live.set(at, cipher.importKey(Buffer.alloc(32, at % 251)));
      const [oldest, key] = [...live][0] as [number, CipherKey];
      cipher.seal(key, input, ours);
      reference.seal(reference.importKey(Buffer.alloc(32, oldest % 251)), input, theirs);
      assert.deepEqual(ours, theirs);
      if (live.size < 100) continue;
      key[Symbol.dispose]();
      live.delete(oldest);
    }
  });

  it('serves several threads, and outlives their ends', async () => {
    const source = `
      const { chooseCipher } = await import(${JSON.stringify(new URL('../../../src/cipher/choose-cipher.ts', import.meta.url).href)});
      const { parentPort } = await import('node:worker_threads');
      const { cipher } = chooseCipher();
      const keys = Array.from({ length: 200 }, () => cipher.importKey(new Uint8Array(32)));
      const out = new Uint8Array(16);
      for (const key of keys) cipher.seal(key, { nonce: new Uint8Array(12), aad: out.subarray(0, 0), plaintext: new Uint8Array() }, out);
      parentPort.postMessage([cipher.name, Buffer.from(out).toString('hex')]);`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
    const answers = [0, 1, 2].map(async () => {
      const worker = new Worker(url);
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      assert.equal(await ended, 0);
      return answer;
    });
    // The tag of nothing at all under a key of zeros: GCM's test case 13.
    for (const answer of await Promise.all(answers)) assert.deepEqual(answer, ['native', '530f8afbc74536b9a963b4f1c4cb738b']);
    cipher.importKey(Buffer.alloc(32));
  });
}

/** Values that are no Uint8Array, whatever their size in bytes. */
const NOT_BYTES = [
  undefined,
  null,
  12,
  'a string of 32 characters, or so',
  {},
  [],
  new ArrayBuffer(32),
  new DataView(new ArrayBuffer(32)),
];
const OTHER_ARRAYS = [new Uint8ClampedArray(32), new Int8Array(32), new Uint16Array(16), new Float64Array(4)];

function misuse(cipher: Cipher): void {
  const key = cipher.importKey(Buffer.alloc(32));
  const good = { nonce: Buffer.alloc(12), aad: Buffer.alloc(0), plaintext: Buffer.alloc(16), ciphertext: Buffer.alloc(32) };

  for (const wrong of [...NOT_BYTES, ...OTHER_ARRAYS] as unknown as Uint8Array[]) {
    it(`throws a TypeError for ${Object.prototype.toString.call(wrong)} where bytes belong`, () => {
      assert.throws(() => cipher.importKey(wrong), TypeError);
      assert.throws(() => cipher.expand(wrong, good.aad, 1), TypeError);
      assert.throws(() => cipher.expand(Buffer.alloc(32), wrong, 1), TypeError);
      for (const part of ['nonce', 'aad', 'plaintext']) {
        assert.throws(() => cipher.seal(key, { ...good, [part]: wrong }, Buffer.alloc(32)), TypeError, part);
      }
      for (const part of ['nonce', 'aad', 'ciphertext']) {
        assert.throws(() => cipher.open(key, { ...good, [part]: wrong }, Buffer.alloc(16)), TypeError, part);
      }
      assert.throws(() => cipher.seal(key, good, wrong), TypeError);
      assert.throws(() => cipher.open(key, good, wrong), TypeError);
    });
  }

  const strangers: readonly { name: string; key: unknown }[] = [
    ...NOT_BYTES.map((value) => ({ name: Object.prototype.toString.call(value), key: value })),
    { name: 'a key of the other implementation', key: reference.importKey(Buffer.alloc(32)) },
    { name: 'an object that inherits from a key', key: Object.create(key) },
    { name: 'a copy of a key', key: { ...key } },
    { name: 'a proxy of a key', key: new Proxy(key, {}) },
  ];
  for (const { name, key: stranger } of strangers) {
    it(`throws a TypeError for ${name} where a key belongs`, () => {
      assert.throws(() => cipher.seal(stranger as CipherKey, good, Buffer.alloc(32)), TypeError);
      assert.throws(() => cipher.open(stranger as CipherKey, good, Buffer.alloc(16)), TypeError);
    });
  }

  it('Precondition: `out` does not overlap an input.', () => {
    const memory = Buffer.alloc(64);
    for (const at of [0, 1, 15, 31]) {
      assert.throws(
        () => cipher.seal(key, { ...good, plaintext: memory.subarray(at, at + 16) }, memory.subarray(0, 32)),
        RangeError,
      );
      assert.throws(
        () => cipher.open(key, { ...good, ciphertext: memory.subarray(0, 32) }, memory.subarray(at, at + 16)),
        RangeError,
      );
    }
    assert.throws(() => cipher.seal(key, { ...good, nonce: memory.subarray(31, 43) }, memory.subarray(0, 32)), RangeError);
    assert.throws(() => cipher.seal(key, { ...good, aad: memory.subarray(31, 32) }, memory.subarray(0, 32)), RangeError);
    cipher.seal(
      key,
      { nonce: memory.subarray(52), aad: memory.subarray(48, 52), plaintext: memory.subarray(32, 48) },
      memory.subarray(0, 32),
    );
  });

  it('takes memory that was given away for empty', () => {
    const gone = new Uint8Array(32);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    assert.throws(() => cipher.importKey(gone), RangeError);
    assert.throws(() => cipher.seal(key, good, gone), RangeError);
    assert.throws(() => cipher.open(key, { ...good, ciphertext: gone }, new Uint8Array(16)), RangeError);
  });

  const fields: FieldBatch = {
    secret: Buffer.alloc(32),
    info: Buffer.alloc(0),
    version: 1,
    aadPrefix: Buffer.alloc(0),
    names: Buffer.from('ab'),
    nameBytes: Uint32Array.of(1, 1),
    values: [Buffer.alloc(40), Buffer.alloc(50)],
  };
  const into = () => ({ commitment: Buffer.alloc(32), out: Buffer.alloc(90 + 58) });

  for (const wrong of [...NOT_BYTES, ...OTHER_ARRAYS] as unknown as Uint8Array[]) {
    it(`throws a TypeError for ${Object.prototype.toString.call(wrong)} where bytes of fields belong`, () => {
      const nonces = Buffer.alloc(24);
      for (const part of ['secret', 'info', 'aadPrefix', 'names']) {
        assert.throws(() => cipher.sealFields({ ...fields, [part]: wrong }, nonces, into()), TypeError, part);
        assert.throws(() => cipher.openFields({ ...fields, [part]: wrong }, Buffer.alloc(32), Buffer.alloc(32)), TypeError, part);
      }
      const values = [Buffer.alloc(40), wrong];
      const { commitment, out } = into();
      assert.throws(() => cipher.sealFields({ ...fields, values }, nonces, { commitment, out: out.fill(1) }), TypeError);
      assert.ok(out.every((byte) => byte === 0));
      assert.throws(() => cipher.sealFields(fields, wrong, into()), TypeError);
      assert.throws(() => cipher.sealFields(fields, nonces, { ...into(), out: wrong }), TypeError);
      assert.throws(() => cipher.sealFields(fields, nonces, { ...into(), commitment: wrong }), TypeError);
      assert.throws(() => cipher.openFields(fields, wrong, Buffer.alloc(32)), TypeError);
      assert.throws(() => cipher.openFields(fields, Buffer.alloc(32), wrong), TypeError);
    });
  }

  it('throws where fields have no lengths of names, or longer names than there are', () => {
    for (const nameBytes of [new Uint8Array(2), [1, 1], undefined] as unknown as Uint32Array[]) {
      assert.throws(() => cipher.sealFields({ ...fields, nameBytes }, Buffer.alloc(24), into()), TypeError);
    }
    for (const nameBytes of [Uint32Array.of(1), Uint32Array.of(1, 2), Uint32Array.of(0xffffffff, 0xffffffff)]) {
      assert.throws(() => cipher.sealFields({ ...fields, nameBytes }, Buffer.alloc(24), into()), RangeError);
    }
  });

  it('Precondition: `out` does not overlap an input of fields.', () => {
    const memory = Buffer.alloc(200);
    const out = memory.subarray(0, 148);
    const overlapping = memory.subarray(147, 187);
    const values = [overlapping, Buffer.alloc(50)];
    assert.throws(() => cipher.sealFields({ ...fields, values }, Buffer.alloc(24), { ...into(), out }), RangeError);
    for (const part of ['info', 'aadPrefix', 'names']) {
      const batch = { ...fields, [part]: overlapping };
      assert.throws(() => cipher.sealFields(batch, Buffer.alloc(24), { ...into(), out }), RangeError, part);
    }
    assert.throws(() => cipher.sealFields(fields, memory.subarray(147, 171), { ...into(), out }), RangeError);
    const commitment = memory.subarray(147, 179);
    assert.throws(() => cipher.sealFields(fields, Buffer.alloc(24), { commitment, out }), RangeError);
  });

  it('goes on working after every refusal', () => {
    const [ours, theirs] = [Buffer.alloc(32), Buffer.alloc(32)];
    cipher.seal(key, good, ours);
    reference.seal(reference.importKey(Buffer.alloc(32)), good, theirs);
    assert.deepEqual(ours, theirs);
  });
}

describe('the native cipher', { skip }, () => {
  if (built === undefined) return;
  cipherContract('the native cipher', built);
  describe('agrees with the one of Node', () => agreement(built));
  describe('its keys', () => keys(built));
  describe('misused', () => misuse(built));
});
