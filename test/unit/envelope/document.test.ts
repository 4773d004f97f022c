import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { deriveVerified } from '../../../src/envelope/derive.ts';
import { createDocument, openDocument } from '../../../src/envelope/document.ts';
import { openField, sealAddedField } from '../../../src/envelope/field.ts';
import { type Header, parseHeader } from '../../../src/envelope/header.ts';
import { cipher, context, dataKey, keyBlock, sampleHeader } from './sample.ts';

function create(): { header: Header; edek: Uint8Array } {
  const { edek } = createDocument(cipher, dataKey(), { dataLabel: 'label', context, keyBlock });
  return { header: parseHeader(edek), edek };
}

describe('createDocument', () => {
  it('writes an EDEK that parses, with the label and key block it was given', () => {
    const { header } = create();
    assert.equal(header.kind, 'document');
    assert.equal(header.dataLabel, 'label');
    assert.deepEqual(header.keyBlock.bytes, keyBlock.bytes);
  });

  it('gives every document a salt of its own, and so a commitment and key of its own', () => {
    const [one, two] = [create().header, create().header];
    assert.notDeepEqual(one.salt, two.salt);
    assert.notDeepEqual(one.commitment, two.commitment);
  });

  it("leaves the data key the caller's", () => {
    const key = dataKey();
    createDocument(cipher, key, { dataLabel: 'label', context, keyBlock });
    assert.deepEqual(Buffer.from(key.expose()), Buffer.alloc(32, 0x64));
  });

  it('encrypts nothing under a wiped data key', () => {
    const key = dataKey();
    key.wipe();
    assert.throws(() => createDocument(cipher, key, { dataLabel: 'label', context, keyBlock }), /a wiped key was used/);
  });
});

describe('openDocument', () => {
  it('opens under the data key and context it commits to', () => {
    const { header } = create();
    assert.ok(openDocument(cipher, dataKey(), { header, context }) !== undefined);
  });

  it('does not open a document whose data key differs by one bit', () => {
    const { header } = create();
    for (let bit = 0; bit < 256; bit++) {
      const bytes = Buffer.alloc(32, 0x64);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(openDocument(cipher, SecretBytes.own(bytes), { header, context }), undefined);
    }
  });

  it('takes no data key of another length: HMAC would pad it', () => {
    const { header } = create();
    for (const size of [0, 31, 33]) {
      assert.throws(() => openDocument(cipher, SecretBytes.own(Buffer.alloc(size)), { header, context }), RangeError);
    }
  });

  it('does not open the header of an object, though its commitment is right', () => {
    const header = sampleHeader('object');
    assert.ok(deriveVerified(cipher, dataKey(), { header, context }) !== undefined);
    assert.equal(openDocument(cipher, dataKey(), { header, context }), undefined);
  });

  it('seals no added field once the data key was wiped', () => {
    const key = dataKey();
    const { header } = create();
    const document = openDocument(cipher, key, { header, context });
    assert.ok(document !== undefined);
    key.wipe();
    assert.throws(() => sealAddedField(document, 'name', Buffer.from('value')), /a wiped key was used/);
  });
});

describe('a document opened again', () => {
  it('takes added fields beside its own and opens both', () => {
    const { header } = create();
    const document = openDocument(cipher, dataKey(), { header, context });
    assert.ok(document !== undefined);
    const sealed = sealAddedField(document, 'name', Buffer.from('value'));
    assert.equal(Buffer.from(openField(document, 'name', sealed) ?? []).toString(), 'value');
  });
});
