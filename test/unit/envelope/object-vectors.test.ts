import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import { encodeContext } from '../../../src/core/encryption-context.ts';
import { KeysideError } from '../../../src/core/errors.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { ChunkOpener } from '../../../src/envelope/chunk-opener.ts';
import { ChunkSealer } from '../../../src/envelope/chunk-sealer.ts';
import { parseHeader } from '../../../src/envelope/header.ts';
import { deriveObjectVerified } from '../../../src/envelope/object-key.ts';
import { contextOf } from '../../vectors/reader.ts';
import { scriptedCipher } from '../../vectors/scripted-cipher.ts';
import { fromHex, readVectors } from '../../vectors/vectors.ts';
import { cipher, plaintextOf, run } from './bodies.ts';

/** As for the other vectors of Project Wycheproof: a folder that is named and cannot be read is a failure. */
const FOLDER = process.env.KEYSIDE_WYCHEPROOF_DIR;
const HOW_TO_GET =
  'skipped: set KEYSIDE_WYCHEPROOF_DIR to the folder testvectors_v1 of a checkout of https://github.com/C2SP/wycheproof';

interface ChunkedTest {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly ctx: string;
  /** zlib-compressed. */
  readonly ct: string;
  /** Of the longest valid prefix of the message, where the vector is invalid. */
  readonly msgLength?: number;
  readonly msgSha512?: string;
  readonly result: 'valid' | 'invalid';
  readonly flags: readonly string[];
}

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

/** What came out before the end or the failure, and whether there was one. Pushed in pieces of `step` bytes. */
function open(test: ChunkedTest, step: number): { plaintext: Buffer; isValid: boolean } {
  const body = inflateSync(fromHex(test.ct));
  const parts: Uint8Array[] = [];
  try {
    const opener = new ChunkOpener(cipher, SecretBytes.own(fromHex(test.key)), fromHex(test.ctx));
    for (let at = 0; at < body.length; at += step) parts.push(opener.push(body.subarray(at, at + step)));
    parts.push(opener.end());
  } catch (error) {
    const isKeySize = test.flags.includes('InvalidKeySize') && error instanceof RangeError;
    assert.ok(isKeySize || (error instanceof KeysideError && error.reason === 'CIPHERTEXT_REJECTED'), `threw ${error}`);
    return { plaintext: Buffer.concat(parts), isValid: false };
  }
  return { plaintext: Buffer.concat(parts), isValid: true };
}

describe('Project Wycheproof, Cobblestone-256', { skip: FOLDER === undefined && HOW_TO_GET }, () => {
  const file = join(FOLDER ?? '', 'c2sp_chunked_encryption_aes_256_gcm_test.json');
  const tests: readonly ChunkedTest[] =
    FOLDER === undefined ? [] : JSON.parse(readFileSync(file, 'utf8')).testGroups.flatMap((group: { tests: [] }) => group.tests);

  it('is there: at least 10 valid and 25 invalid vectors', () => {
    assert.ok(tests.filter((test) => test.result === 'valid').length >= 10);
    assert.ok(tests.filter((test) => test.result === 'invalid').length >= 25);
  });

  for (const test of tests) {
    it(`${test.tcId}: ${test.comment} (${test.result})`, () => {
      for (const step of [997, 16_400, 65_536]) {
        const { plaintext, isValid } = open(test, step);
        assert.equal(isValid, test.result === 'valid');
        // Where pieces are smaller than a chunk, each one leaves before the next is looked at; else at most as much.
        if (isValid || step === 997) assert.equal(plaintext.length, test.msgLength ?? 0);
        if (isValid || (step === 997 && test.msgSha512 !== undefined)) assert.equal(sha512(plaintext), test.msgSha512);
        assert.ok(plaintext.length <= (test.msgLength ?? 0));
      }
    });
  }
});

describe('the vectors of object bodies', () => {
  for (const vector of readVectors('object-body.json').valid) {
    it(`seals and opens ${vector.name} as the second implementation does`, () => {
      const key = SecretBytes.own(fromHex(vector.key));
      const plaintext = plaintextOf(vector.size);
      const body = run(new ChunkSealer(scriptedCipher([fromHex(vector.salt)]), key), plaintext);
      assert.equal(body.length, vector.bodySize);
      assert.equal(body.toString('hex', 0, 56), vector.prefix);
      vector.tags.forEach((tag, index) => {
        const end = Math.min(56 + (index + 1) * 16_400, body.length);
        assert.equal(body.toString('hex', end - 16, end), tag, `chunk ${index}`);
      });
      assert.equal(sha512(body), vector.bodySha512);
      assert.ok(run(new ChunkOpener(cipher, key), body).equals(plaintext));
    });
  }
});

describe('the vectors of object headers', () => {
  for (const vector of readVectors('object-header.json').valid) {
    it(`give the object key: ${vector.name}`, () => {
      const from = { header: parseHeader(fromHex(vector.edek)), context: encodeContext(contextOf(vector)) };
      const key = deriveObjectVerified(cipher, SecretBytes.own(fromHex(vector.dataKey)), from);
      assert.ok(key !== undefined);
      assert.deepEqual(Buffer.from(key.expose()), fromHex(vector.key));
      assert.equal(deriveObjectVerified(cipher, SecretBytes.own(Buffer.alloc(32)), from), undefined);
    });
  }
});
