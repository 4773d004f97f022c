import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { BulkPool } from '../../../src/cipher/bulk-pool.ts';
import { openFieldInBulk, sealFieldInBulk } from '../../../src/envelope/bulk-field.ts';
import { createDocument } from '../../../src/envelope/document.ts';
import { type FieldVersion, type OpenDocument, openField, sealAddedField, sealNewField } from '../../../src/envelope/field.ts';
import { scriptedCipher } from '../../vectors/scripted-cipher.ts';
import { cipher, context, dataKey, keyBlock } from './sample.ts';

const MIB = 2 ** 20;
const LARGE = Buffer.alloc(MIB + 5, 'large');
const SALT = Buffer.alloc(24, 1);

/** A document whose next random bytes are given. */
function documentWith(fresh: Uint8Array): OpenDocument {
  return createDocument(scriptedCipher([SALT, fresh]), dataKey(), { dataLabel: 'label', context, keyBlock }).document;
}

describe('a large field in bulk', () => {
  const pool = new BulkPool({ workers: 1 });
  after(() => pool.close());
  const work = { bulk: pool, signal: new AbortController().signal };

  const versions: readonly { version: FieldVersion; fresh: Uint8Array; seal: typeof sealNewField }[] = [
    { version: 1, fresh: Buffer.alloc(12, 2), seal: sealNewField },
    { version: 2, fresh: Buffer.alloc(24, 2), seal: sealAddedField },
  ];
  for (const { version, fresh, seal } of versions) {
    it(`is sealed to the same bytes as at once, and opened by both (version ${version})`, async () => {
      const sealed = await sealFieldInBulk(documentWith(fresh), { name: 'file', value: LARGE, version }, work);
      assert.ok(Buffer.from(sealed).equals(seal(documentWith(fresh), 'file', LARGE)));
      const document = documentWith(fresh);
      assert.ok(
        Buffer.from((await openFieldInBulk(document, { name: 'file', value: sealed }, work)) as Uint8Array).equals(LARGE),
      );
      assert.ok(Buffer.from(openField(document, 'file', sealed) as Uint8Array).equals(LARGE));
      assert.equal(await openFieldInBulk(document, { name: 'other', value: sealed }, work), undefined);
      sealed[MIB] = (sealed[MIB] as number) ^ 1;
      assert.equal(await openFieldInBulk(document, { name: 'file', value: sealed }, work), undefined);
    });
  }

  it('is not opened where it is none, or of no name, and no worker is asked', async () => {
    const asked = { ...work, bulk: { ...pool, takes: () => true, run: assert.fail, close: assert.fail } };
    const { document } = createDocument(cipher, dataKey(), { dataLabel: 'label', context, keyBlock });
    const none = [Buffer.alloc(0), Buffer.alloc(28, 1), Buffer.alloc(40, 2), Buffer.alloc(MIB, 3)];
    for (const value of none) assert.equal(await openFieldInBulk(document, { name: 'file', value }, asked), undefined);
    const unnamed = { name: '\ud800', value: Buffer.alloc(MIB, 1) };
    assert.equal(await openFieldInBulk(document, unnamed, asked), undefined);
    await assert.rejects(sealFieldInBulk(document, { ...unnamed, version: 1 }, asked), RangeError);
  });
});
