import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeContext } from '../../../src/core/encryption-context.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { derive } from '../../../src/envelope/derive.ts';
import { createDocument } from '../../../src/envelope/document.ts';
import { sealAddedField, sealNewField } from '../../../src/envelope/field.ts';
import { encodeHeader } from '../../../src/envelope/header.ts';
import { parseKeyBlock } from '../../../src/envelope/key-block.ts';
import { bothCiphers } from '../../fakes/both-ciphers.ts';
import { contextOf, readWithDataKey, text } from '../../vectors/reader.ts';
import { scriptedCipher } from '../../vectors/scripted-cipher.ts';
import { type DocumentVector, fromHex, type HeaderVector, readVectors } from '../../vectors/vectors.ts';
import { assertRefused } from '../core/refusal.ts';

const cipher = bothCiphers();

/** Writes a vector's document anew with the same random bytes: the EDEK and its sealed fields, in hex. */
function write(vector: DocumentVector): { edek: string; sealed: string[] } {
  const random = scriptedCipher([fromHex(vector.salt), ...vector.fields.map((field) => fromHex(field.fresh))]);
  const { document, edek } = createDocument(random, SecretBytes.own(fromHex(vector.dataKey)), {
    dataLabel: text(vector.label),
    context: encodeContext(contextOf(vector)),
    keyBlock: parseKeyBlock(fromHex(vector.keyBlock)),
  });
  const sealed = vector.fields.map(({ version, name, plaintext }) => {
    const seal = version === 1 ? sealNewField : sealAddedField;
    return Buffer.from(seal(document, text(name), fromHex(plaintext))).toString('hex');
  });
  assert.equal(random.unused(), 0);
  return { edek: Buffer.from(edek).toString('hex'), sealed };
}

function commitmentOf(kind: 'document' | 'object', vector: HeaderVector): string {
  const input = { kind, salt: fromHex(vector.salt), context: encodeContext(contextOf(vector)) };
  return Buffer.from(derive(cipher, SecretBytes.own(fromHex(vector.dataKey)), input).commitment).toString('hex');
}

describe('the vectors of documents', () => {
  const { valid, mustFail } = readVectors('document.json');

  it('are all there', () => {
    assert.ok(valid.length >= 23 && mustFail.length >= 184);
  });

  for (const vector of valid) {
    it(`open to the same plaintexts: ${vector.name}`, () => {
      const plaintexts = readWithDataKey(cipher, 'document', vector);
      assert.deepEqual(
        plaintexts.map((plaintext) => Buffer.from(plaintext).toString('hex')),
        vector.fields.map((field) => field.plaintext),
      );
    });

    it(`open alike where the reader states no label: ${vector.name}`, () => {
      assert.equal(readWithDataKey(cipher, 'document', { ...vector, label: null }).length, vector.fields.length);
    });

    it(`are written to the same bytes: ${vector.name}`, () => {
      const { edek, sealed } = write(vector);
      assert.equal(edek, vector.edek);
      assert.deepEqual(
        sealed,
        vector.fields.map((field) => field.sealed),
      );
    });
  }

  for (const vector of mustFail) {
    it(`are refused: ${vector.name}`, () => {
      assertRefused(() => readWithDataKey(cipher, 'document', vector), vector.reason);
    });
  }
});

describe('the vectors of object headers', () => {
  const { valid, mustFail } = readVectors('object-header.json');

  it('are all there', () => {
    assert.ok(valid.length >= 3 && mustFail.length >= 12);
  });

  for (const vector of valid) {
    it(`open: ${vector.name}`, () => {
      assert.deepEqual(readWithDataKey(cipher, 'object', vector), []);
    });

    it(`are written to the same bytes: ${vector.name}`, () => {
      assert.equal(commitmentOf('object', vector), vector.commitment);
      const header = encodeHeader({
        kind: 'object',
        dataLabel: text(vector.label),
        salt: fromHex(vector.salt),
        commitment: fromHex(vector.commitment),
        keyBlock: parseKeyBlock(fromHex(vector.keyBlock)),
      });
      assert.equal(Buffer.from(header).toString('hex'), vector.edek);
    });
  }

  for (const vector of mustFail) {
    it(`are refused: ${vector.name}`, () => {
      assertRefused(() => readWithDataKey(cipher, 'object', vector), vector.reason);
    });
  }
});
