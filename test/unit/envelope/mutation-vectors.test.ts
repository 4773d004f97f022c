import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { parseKeyBlock } from '../../../src/envelope/key-block.ts';
import { bothCiphers } from '../../fakes/both-ciphers.ts';
import { readWithDataKey } from '../../vectors/reader.ts';
import { fromHex, type MutationVector, readVectors } from '../../vectors/vectors.ts';

type Judge = (bytes: Buffer) => void;

const LETTERS: Readonly<Record<string, string>> = { EDEK_MALFORMED: 'M', CIPHERTEXT_REJECTED: 'R' };

/** I where `judge` accepts the bytes; any error but the two reasons is a failure of the test. */
function letter(judge: Judge, bytes: Buffer): string {
  try {
    judge(bytes);
    return 'I';
  } catch (error) {
    const known = error instanceof KeysideError ? LETTERS[error.reason] : undefined;
    if (known === undefined) throw error;
    return known;
  }
}

function flipped(bytes: Buffer, judge: Judge): string {
  let letters = '';
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(bytes.readUInt8(bit >> 3) ^ (0x80 >> (bit & 7)), bit >> 3);
    letters += letter(judge, changed);
  }
  return letters;
}

function cut(bytes: Buffer, judge: Judge): string {
  return [...bytes.keys()].map((length) => letter(judge, bytes.subarray(0, length))).join('');
}

describe('with any single bit flipped or any bytes cut off', () => {
  const { source, document, keyBlock } = readVectors('mutation.json');
  const [short] = source;
  const cipher = bothCiphers();
  const plaintexts = short.fields.map((field) => field.plaintext).join();

  /** Opens the whole document with one part of it exchanged; whatever opens must be the same. */
  function documentJudge(part: string): Judge {
    return (bytes) => {
      const changed = bytes.toString('hex');
      const field = (version: number): string => `field of version ${version}`;
      const opened = readWithDataKey(cipher, 'document', {
        ...short,
        label: null,
        edek: part === 'edek' ? changed : short.edek,
        fields: short.fields.map(({ name, version, sealed }) => ({ name, sealed: part === field(version) ? changed : sealed })),
      });
      assert.equal(opened.map((plaintext) => Buffer.from(plaintext).toString('hex')).join(), plaintexts);
    };
  }

  function check(vector: MutationVector, judge: Judge): void {
    const bytes = fromHex(vector.bytes);
    assert.equal(vector.flipped.length, bytes.length * 8);
    assert.equal(vector.cut.length, bytes.length);
    assert.equal(letter(judge, bytes), 'I');
    assert.equal(flipped(bytes, judge), vector.flipped);
    assert.equal(cut(bytes, judge), vector.cut);
  }

  for (const vector of document) {
    it(`a document is refused or opens to the identical plaintexts, as the vectors say for each: ${vector.name}`, () => {
      check(vector, documentJudge(vector.name));
    });
  }

  for (const vector of keyBlock) {
    it(`a key block parses or is malformed, as the vectors say for each: ${vector.name}`, () => {
      check(vector, parseKeyBlock);
    });
  }
});
