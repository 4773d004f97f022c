import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeContext } from '../../../src/core/encryption-context.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { createDocument, openDocument } from '../../../src/envelope/document.ts';
import { openField, sealAddedField, sealNewField } from '../../../src/envelope/field.ts';
import { parseHeader } from '../../../src/envelope/header.ts';
import { parseKeyBlock } from '../../../src/envelope/key-block.ts';
import { isOfOneStep, openSmallDocument, sealSmallDocument } from '../../../src/envelope/small-document.ts';
import { contextOf, text } from '../../vectors/reader.ts';
import { scriptedCipher } from '../../vectors/scripted-cipher.ts';
import { fromHex, readVectors } from '../../vectors/vectors.ts';
import { cipher, context, dataKey, keyBlock } from './sample.ts';

type Fields = ReadonlyMap<string, Uint8Array>;

const document = { dataLabel: 'label', context, keyBlock };

const DOCUMENTS: readonly { name: string; fields: Fields }[] = [
  { name: 'no fields', fields: new Map() },
  { name: 'an empty field without a name', fields: new Map([['', Buffer.alloc(0)]]) },
  { name: 'five fields', fields: fieldsOf(5, (at) => `field${at}`) },
  { name: 'names beyond ASCII', fields: fieldsOf(40, (at) => `Größe ${'\u{1f511}'.repeat(at)}`) },
  { name: 'more fields than usual', fields: fieldsOf(300, (at) => `${at}`) },
  { name: 'names of the longest', fields: fieldsOf(3, (at) => `${at}`.padEnd(65_535, 'n')) },
];

function fieldsOf(count: number, name: (at: number) => string): Fields {
  return new Map(Array.from({ length: count }, (_, at) => [name(at), Buffer.alloc(at * 37, at)]));
}

function hex(fields: Fields): Record<string, string> {
  return Object.fromEntries([...fields].map(([name, value]) => [name, Buffer.from(value).toString('hex')]));
}

function open(edek: Uint8Array, fields: Fields, given: Partial<{ key: SecretBytes; context: Uint8Array }> = {}) {
  const stored = { header: parseHeader(edek), context: given.context ?? context, fields };
  return openSmallDocument(cipher, given.key ?? dataKey(), stored);
}

describe('a document in one step', () => {
  for (const { name, fields } of DOCUMENTS) {
    it(`opens field by field what was sealed at once: ${name}`, () => {
      const sealed = sealSmallDocument(cipher, dataKey(), { document, fields });
      const opened = openDocument(cipher, dataKey(), { header: parseHeader(sealed.edek), context });
      assert.ok(opened !== undefined);
      const plain = new Map(
        [...sealed.fields].map(([each, value]) => [each, openField(opened, each, value) ?? Buffer.from('no')]),
      );
      assert.deepEqual(hex(plain), hex(fields));
    });

    it(`opens at once what was sealed field by field: ${name}`, () => {
      const { document: created, edek } = createDocument(cipher, dataKey(), document);
      const sealed = new Map([...fields].map(([each, value]) => [each, sealNewField(created, each, value)]));
      assert.ok(isOfOneStep(sealed));
      const opened = open(edek, sealed);
      assert.ok(typeof opened === 'object');
      assert.deepEqual(hex(opened), hex(fields));
    });
  }

  it('seals the vectors of documents to the same bytes', () => {
    const { valid } = readVectors('document.json');
    const vectors = valid.filter(({ fields }) => fields.every(({ version }) => version === 1));
    assert.ok(vectors.length >= 4);
    for (const vector of vectors) {
      const nonces = Buffer.concat(vector.fields.map(({ fresh }) => fromHex(fresh)));
      const random = scriptedCipher([fromHex(vector.salt), nonces]);
      const { edek, fields } = sealSmallDocument(random, SecretBytes.own(fromHex(vector.dataKey)), {
        document: {
          dataLabel: text(vector.label),
          context: encodeContext(contextOf(vector)),
          keyBlock: parseKeyBlock(fromHex(vector.keyBlock)),
        },
        fields: new Map(vector.fields.map(({ name, plaintext }) => [text(name), fromHex(plaintext)])),
      });
      assert.equal(Buffer.from(edek).toString('hex'), vector.edek, vector.name);
      assert.deepEqual(
        [...fields.values()].map((sealed) => Buffer.from(sealed).toString('hex')),
        vector.fields.map(({ sealed }) => sealed),
        vector.name,
      );
    }
  });

  it('tells another data key, context or commitment from an altered field', () => {
    const { edek, fields } = sealSmallDocument(cipher, dataKey(), { document, fields: fieldsOf(3, String) });
    assert.equal(open(edek, fields, { key: SecretBytes.own(Buffer.alloc(32, 1)) }), 'other key');
    assert.equal(open(edek, fields, { context: Buffer.concat([context, Buffer.alloc(1)]) }), 'other key');
    const altered = Buffer.from(fields.get('2') as Uint8Array);
    altered.writeUInt8(altered.readUInt8(40) ^ 1, 40);
    assert.equal(open(edek, new Map([...fields, ['2', altered]])), 'altered');
    assert.equal(open(edek, new Map([['other', fields.get('1') as Uint8Array]])), 'altered');
  });

  it('knows no name but well-formed text of at most 65,535 bytes', () => {
    const { edek, fields } = sealSmallDocument(cipher, dataKey(), {
      document,
      fields: new Map([['\ufffd', Buffer.from('value')]]),
    });
    for (const name of ['\ud800', 'n'.repeat(65_536)]) {
      assert.throws(
        () => sealSmallDocument(cipher, dataKey(), { document, fields: new Map([[name, Buffer.alloc(0)]]) }),
        RangeError,
      );
      assert.equal(open(edek, new Map([[name, fields.get('\ufffd') as Uint8Array]])), 'altered');
    }
  });

  it('leaves fields that are no new ones to the way field by field', () => {
    const { document: created } = createDocument(cipher, dataKey(), document);
    const added = sealAddedField(created, 'a', Buffer.from('value'));
    assert.equal(isOfOneStep(new Map([['a', added]])), false);
    const whole = sealNewField(created, 'a', Buffer.alloc(0));
    assert.equal(isOfOneStep(new Map([['a', whole]])), true);
    for (const length of [0, 1, 28]) assert.equal(isOfOneStep(new Map([['a', whole.subarray(0, length)]])), false);
  });

  it('uses no data key that was wiped', () => {
    const key = dataKey();
    key.wipe();
    assert.throws(() => sealSmallDocument(cipher, key, { document, fields: new Map() }), /a wiped key was used/);
    assert.throws(
      () => open(sealSmallDocument(cipher, dataKey(), { document, fields: new Map() }).edek, new Map(), { key }),
      /wiped/,
    );
  });
});
