import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Cipher, type CipherKey, TAG_BYTES } from '../../../src/cipher/cipher.ts';

const NONCE = Buffer.from('000102030405060708090a0b', 'hex');
const AAD = Buffer.from('additional data');
const RAW_KEY = Buffer.alloc(32, 0x6b);

/** A recognisable plaintext of any size. */
function plaintextOf(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 7 + (at >> 8)) & 0xff;
  return bytes;
}

/** ciphertext || tag in one step by OpenSSL, without any cutting into pieces. */
function sealedAtOnce(plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', RAW_KEY, NONCE, { authTagLength: TAG_BYTES }).setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Sizes around AES's block, and around the 64 KiB pieces that implementations work in. */
const SIZES = [0, 1, 15, 16, 17, 1_000, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 200_000];

/** What every `Cipher` keeps, whatever it is made of. */
export function cipherContract(name: string, cipher: Cipher): void {
  describe(`${name} keeps the contract of Cipher`, () => {
    sealsAndOpens(cipher, cipher.importKey(RAW_KEY));
    refusesTheAltered(cipher, cipher.importKey(RAW_KEY));
    keepsPreconditions(cipher, cipher.importKey(RAW_KEY));
    releases(cipher);
    expands(cipher);
    worksOnFieldsTogether(cipher);
    yieldsRandomBytes(cipher);
  });
}

function sealsAndOpens(cipher: Cipher, key: CipherKey): void {
  for (const size of SIZES) {
    it(`seals ${size} bytes as AES-256-GCM does in one step, and opens them again`, () => {
      const plaintext = plaintextOf(size);
      const sealed = Buffer.alloc(size + TAG_BYTES, 0xaa);
      cipher.seal(key, { nonce: NONCE, aad: AAD, plaintext }, sealed);
      assert.ok(sealed.equals(sealedAtOnce(plaintext, AAD)));
      const opened = Buffer.alloc(size, 0xaa);
      assert.equal(cipher.open(key, { nonce: NONCE, aad: AAD, ciphertext: sealed }, opened), true);
      assert.ok(opened.equals(plaintext));
    });
  }

  it('takes empty additional data', () => {
    const sealed = Buffer.alloc(3 + TAG_BYTES);
    cipher.seal(key, { nonce: NONCE, aad: Buffer.alloc(0), plaintext: Buffer.from('abc') }, sealed);
    assert.ok(sealed.equals(sealedAtOnce(Buffer.from('abc'), Buffer.alloc(0))));
  });

  it('leaves its inputs as they were, and writes nothing outside of out', () => {
    const whole = Buffer.alloc(2 + 3 + TAG_BYTES + 2, 0xaa);
    const [nonce, aad, plaintext] = [Buffer.from(NONCE), Buffer.from(AAD), Buffer.from('abc')];
    cipher.seal(key, { nonce, aad, plaintext }, whole.subarray(2, -2));
    assert.deepEqual([nonce, aad, plaintext], [NONCE, AAD, Buffer.from('abc')]);
    assert.deepEqual([...whole.subarray(0, 2), ...whole.subarray(-2)], [0xaa, 0xaa, 0xaa, 0xaa]);
  });

  it('keeps the key it imported though the source is zeroed', () => {
    const source = Buffer.from(RAW_KEY);
    const imported = cipher.importKey(source);
    source.fill(0);
    const sealed = Buffer.alloc(3 + TAG_BYTES);
    cipher.seal(imported, { nonce: NONCE, aad: AAD, plaintext: Buffer.from('abc') }, sealed);
    assert.ok(sealed.equals(sealedAtOnce(Buffer.from('abc'), AAD)));
  });
}

function refusesTheAltered(cipher: Cipher, key: CipherKey): void {
  for (const size of SIZES) {
    it(`zeroes out where ${size} bytes do not verify, and says so`, () => {
      const sealed = sealedAtOnce(plaintextOf(size), AAD);
      for (const at of new Set([0, Math.max(0, size - 1), size, size + TAG_BYTES - 1])) {
        const altered = Buffer.from(sealed);
        altered.writeUInt8(sealed.readUInt8(at) ^ 1, at);
        const out = Buffer.alloc(size, 0xaa);
        assert.equal(cipher.open(key, { nonce: NONCE, aad: AAD, ciphertext: altered }, out), false, `byte ${at}`);
        assert.ok(out.equals(Buffer.alloc(size)), `byte ${at}`);
      }
    });
  }

  const sealed = sealedAtOnce(plaintextOf(20), AAD);
  const otherNonce = Buffer.alloc(12, 1);
  const cases: readonly { name: string; input?: Partial<Parameters<Cipher['open']>[1]>; key?: CipherKey }[] = [
    { name: 'another nonce', input: { nonce: otherNonce } },
    { name: 'other additional data', input: { aad: Buffer.from('Additional data') } },
    { name: 'no additional data', input: { aad: Buffer.alloc(0) } },
    { name: 'additional data and a NUL', input: { aad: Buffer.concat([AAD, Buffer.alloc(1)]) } },
    { name: 'another key', key: cipher.importKey(Buffer.alloc(32, 0x6c)) },
    { name: 'a byte more at the end', input: { ciphertext: Buffer.concat([sealed, Buffer.alloc(1)]) } },
    ...[15, 14, 13, 12, 8, 4].map((length) => ({
      name: `a tag cut to ${length} bytes`,
      input: { ciphertext: sealed.subarray(0, 20 + length) },
    })),
  ];
  for (const { name, input = {}, key: otherKey = key } of cases) {
    it(`does not open with ${name}`, () => {
      const given = { nonce: NONCE, aad: AAD, ciphertext: sealed, ...input };
      const out = Buffer.alloc(given.ciphertext.length - TAG_BYTES, 0xaa);
      assert.equal(cipher.open(otherKey, given, out), false);
      assert.ok(out.every((byte) => byte === 0));
    });
  }
}

function keepsPreconditions(cipher: Cipher, key: CipherKey): void {
  for (const size of [0, 16, 24, 31, 33, 64]) {
    it(`Precondition: 32 bytes. (importKey of ${size})`, () => {
      assert.throws(() => cipher.importKey(Buffer.alloc(size)), RangeError);
    });
  }

  for (const size of [0, 1, 8, 11, 13, 16]) {
    it(`Precondition: a nonce is 12 bytes. (${size})`, () => {
      const nonce = Buffer.alloc(size);
      const plaintext = Buffer.alloc(4);
      assert.throws(() => cipher.seal(key, { nonce, aad: AAD, plaintext }, Buffer.alloc(20)), RangeError);
      assert.throws(() => cipher.open(key, { nonce, aad: AAD, ciphertext: Buffer.alloc(20) }, plaintext), RangeError);
    });
  }

  for (const size of [0, 4, 19, 21]) {
    it(`Precondition: \`out\` is exactly 16 bytes longer than the plaintext. (${size} for 4)`, () => {
      const input = { nonce: NONCE, aad: AAD, plaintext: Buffer.alloc(4) };
      assert.throws(() => cipher.seal(key, input, Buffer.alloc(size)), RangeError);
    });
  }

  for (const size of [0, 3, 5, 20]) {
    it(`Precondition: \`out\` is exactly 16 bytes shorter than the ciphertext. (${size} for 20)`, () => {
      const input = { nonce: NONCE, aad: AAD, ciphertext: Buffer.alloc(20) };
      assert.throws(() => cipher.open(key, input, Buffer.alloc(size)), RangeError);
    });
  }

  for (const size of [0, 1, 12, 15]) {
    it(`Precondition: a ciphertext is at least its 16-byte tag. (${size})`, () => {
      const input = { nonce: NONCE, aad: AAD, ciphertext: Buffer.alloc(size) };
      assert.throws(() => cipher.open(key, input, Buffer.alloc(0)), RangeError);
    });
  }
}

function releases(cipher: Cipher): void {
  const input = { nonce: NONCE, aad: AAD, plaintext: Buffer.from('abc'), ciphertext: sealedAtOnce(Buffer.from('abc'), AAD) };

  it('throws wherever a released key is used, and touches no output', () => {
    const key = cipher.importKey(RAW_KEY);
    key[Symbol.dispose]();
    const [sealed, opened] = [Buffer.alloc(19, 0xaa), Buffer.alloc(3, 0xaa)];
    assert.throws(() => cipher.seal(key, input, sealed), /a released key was used/);
    assert.throws(() => cipher.open(key, input, opened), /a released key was used/);
    assert.ok([...sealed, ...opened].every((byte) => byte === 0xaa));
  });

  it('releases a key once, however often it is asked to, and no other key', () => {
    const other = cipher.importKey(RAW_KEY);
    for (let round = 0; round < 200; round++) {
      using key = cipher.importKey(Buffer.alloc(32, round));
      key[Symbol.dispose]();
      key[Symbol.dispose]();
    }
    const opened = Buffer.alloc(3);
    assert.equal(cipher.open(other, input, opened), true);
    assert.deepEqual(opened, input.plaintext);
    other[Symbol.dispose]();
  });
}

function expands(cipher: Cipher): void {
  it('expands to the beginning of one HMAC-SHA-512, in memory of its own', () => {
    const info = Buffer.from('info');
    const block = createHmac('sha512', RAW_KEY).update('info\x01').digest();
    for (let length = 1; length <= 64; length++) {
      const first = cipher.expand(RAW_KEY, info, length);
      assert.deepEqual(Buffer.from(first), block.subarray(0, length));
      first.fill(0);
    }
  });

  const cases = [
    { key: 0, length: 64 },
    { key: 31, length: 64 },
    { key: 33, length: 64 },
    { key: 64, length: 64 },
    { key: 32, length: 0 },
    { key: 32, length: -1 },
    { key: 32, length: 65 },
    { key: 32, length: Number.NaN },
  ];
  for (const { key, length } of cases) {
    it(`Precondition: \`key\` is 32 bytes and \`length\` is 1 to 64. (${key} and ${length})`, () => {
      assert.throws(() => cipher.expand(Buffer.alloc(key), Buffer.alloc(0), length), RangeError);
    });
  }
}

function yieldsRandomBytes(cipher: Cipher): void {
  it('yields as many random bytes as asked for, never the same ones again', () => {
    const seen = new Set<string>();
    for (let at = 0; at < 2_000; at++) {
      const nonce = cipher.random(12);
      assert.equal(nonce.length, 12);
      assert.equal(nonce.buffer.byteLength, 12, 'on memory of its own');
      const salt = Buffer.alloc(24);
      cipher.fillRandom(salt);
      for (const bytes of [Buffer.from(nonce), salt.subarray(0, 12), salt.subarray(12)]) seen.add(bytes.toString('hex'));
    }
    assert.equal(seen.size, 6_000);
    assert.equal(cipher.random(0).length, 0);
  });
}

const TOGETHER = {
  secret: RAW_KEY,
  info: Buffer.from('what the key is for'),
  version: 1,
  aadPrefix: Buffer.from('prefix '),
  names: Buffer.from('abc and what nobody reads'),
  nameBytes: Uint32Array.of(1, 0, 2, 0),
};
const NAMES = ['a', '', 'bc'];
const VALUES = [plaintextOf(204), plaintextOf(0), plaintextOf(70_000)];
const NONCES = Buffer.concat([Buffer.alloc(12, 1), Buffer.alloc(12, 2), NONCE]);
const TOTAL_BYTES = 70_204;

function worksOnFieldsTogether(cipher: Cipher): void {
  const sealed = (): { commitment: Buffer; fields: Buffer[] } => {
    const [commitment, out] = [Buffer.alloc(32), Buffer.alloc(TOTAL_BYTES + 3 * 29, 0xaa)];
    cipher.sealFields({ ...TOGETHER, values: VALUES }, NONCES, { commitment, out });
    return { commitment, fields: [out.subarray(0, 233), out.subarray(233, 262), out.subarray(262)] };
  };

  it('seals fields together to what each is alone, under the key that is expanded', () => {
    const both = cipher.expand(TOGETHER.secret, TOGETHER.info, 64);
    const key = cipher.importKey(both.subarray(0, 32));
    const alone = VALUES.map((plaintext, at) => {
      const nonce = NONCES.subarray(12 * at, 12 * at + 12);
      const out = Buffer.alloc(plaintext.length + TAG_BYTES);
      cipher.seal(key, { nonce, aad: Buffer.from(`prefix ${NAMES[at]}`), plaintext }, out);
      return Buffer.concat([Uint8Array.of(1), nonce, out]);
    });
    const { commitment, fields } = sealed();
    assert.deepEqual(fields, alone);
    assert.deepEqual(commitment, Buffer.from(both.subarray(32)));
  });

  it('opens fields together, each where the one before it ends', () => {
    const { commitment, fields } = sealed();
    const out = Buffer.alloc(TOTAL_BYTES, 0xaa);
    assert.equal(cipher.openFields({ ...TOGETHER, values: fields }, commitment, out), 'opened');
    assert.ok(out.equals(Buffer.concat(VALUES)));
  });

  it('commits to the key where there are no fields', () => {
    const [commitment, none] = [Buffer.alloc(32), Buffer.alloc(0)];
    cipher.sealFields({ ...TOGETHER, values: [] }, none, { commitment, out: none });
    assert.deepEqual(commitment, sealed().commitment);
    assert.equal(cipher.openFields({ ...TOGETHER, values: [] }, commitment, none), 'opened');
  });

  it('opens nothing under another key than the committed one', () => {
    const { commitment, fields } = sealed();
    for (const at of [0, 15, 31]) {
      const other = Buffer.from(commitment);
      other.writeUInt8(other.readUInt8(at) ^ 1, at);
      const out = Buffer.alloc(TOTAL_BYTES);
      assert.equal(cipher.openFields({ ...TOGETHER, values: fields }, other, out), 'other key');
      assert.ok(out.equals(Buffer.alloc(TOTAL_BYTES)));
    }
    const foreign = { ...TOGETHER, secret: Buffer.alloc(32), values: fields };
    assert.equal(cipher.openFields(foreign, commitment, Buffer.alloc(TOTAL_BYTES)), 'other key');
  });

  it('leaves nothing of any field where one was altered, moved, of another version or too short', () => {
    const { commitment, fields } = sealed();
    const [first, second, third] = fields as [Buffer, Buffer, Buffer];
    const flipped = (field: Buffer, at: number): Buffer => {
      const copy = Buffer.from(field);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return copy;
    };
    const wrong = [
      [first, second, flipped(third, third.length - 1)],
      [first, second, flipped(third, 50)],
      [first, flipped(second, 5), third],
      [flipped(first, 0), second, third],
      [second, first, third],
      [first, second.subarray(0, 28), third],
      [first, second, Buffer.alloc(0)],
    ];
    for (const [index, values] of wrong.entries()) {
      const size = values.reduce((sum, { length }) => sum + Math.max(0, length - 29), 0);
      const out = Buffer.alloc(size, 0xaa);
      assert.equal(cipher.openFields({ ...TOGETHER, values }, commitment, out), 'altered', `${index}`);
      assert.ok(out.equals(Buffer.alloc(size)), `${index}`);
    }
  });

  it('Precondition: what fields are sealed and opened into has their size, and secret and nonces theirs.', () => {
    const batch = { ...TOGETHER, values: [Buffer.alloc(10)] };
    const nonce = Buffer.alloc(12);
    const into = (size: number) => ({ commitment: Buffer.alloc(32), out: Buffer.alloc(size) });
    for (const size of [0, 38, 40]) assert.throws(() => cipher.sealFields(batch, nonce, into(size)), RangeError);
    for (const size of [0, 11, 13]) assert.throws(() => cipher.sealFields(batch, Buffer.alloc(size), into(39)), RangeError);
    assert.throws(() => cipher.sealFields({ ...batch, secret: Buffer.alloc(31) }, nonce, into(39)), RangeError);
    const { commitment, out } = into(39);
    cipher.sealFields(batch, nonce, { commitment, out });
    const stored = { ...batch, values: [out] };
    for (const size of [0, 9, 11]) assert.throws(() => cipher.openFields(stored, commitment, Buffer.alloc(size)), RangeError);
  });
}
