import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { BulkCipher } from '../../../src/cipher/bulk-cipher.ts';
import { BulkPool } from '../../../src/cipher/bulk-pool.ts';
import type { Cipher, CipherKey } from '../../../src/cipher/cipher.ts';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { KeysideError } from '../../../src/core/errors.ts';
import { decrypt } from '../../../src/service/decrypt.ts';
import { encrypt } from '../../../src/service/encrypt.ts';
import { rewrap } from '../../../src/service/rewrap.ts';
import type { ServiceParts } from '../../../src/service/service.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { World } from '../../fakes/world.ts';
import { requestOf } from './documents.ts';

const MIB = 2 ** 20;
const FIELDS: ReadonlyMap<string, Uint8Array> = new Map([
  ['small', Buffer.from('small')],
  ['large', Buffer.alloc(MIB, 'large')],
  ['last', Buffer.alloc(2 * MIB, 'last')],
]);

/** A cipher that knows which of its keys are not released yet. */
function countingCipher(): { cipher: Cipher; imported: CipherKey[]; unreleased: () => number } {
  const cipher = nodeCipher();
  const imported: CipherKey[] = [];
  const isReleased = (key: CipherKey): boolean => {
    try {
      cipher.seal(key, { nonce: Buffer.alloc(12), aad: Buffer.alloc(0), plaintext: Buffer.alloc(0) }, Buffer.alloc(16));
      return false;
    } catch {
      return true;
    }
  };
  const importKey = (raw: Uint8Array): CipherKey => {
    const key = cipher.importKey(raw);
    imported.push(key);
    return key;
  };
  return { cipher: { ...cipher, importKey }, imported, unreleased: () => imported.filter((key) => !isReleased(key)).length };
}

function partsOf({ tenants, ring, keys, clock }: World, others: Pick<ServiceParts, 'cipher' | 'bulk'>): ServiceParts {
  return { tenants, ring, keys, clock, ...others };
}

describe('a document with large fields', () => {
  const pool = new BulkPool({ workers: 1 });
  after(() => pool.close());

  it('is the same to whoever reads it, with workers or without', async () => {
    const world = new World();
    let jobs = 0;
    const bulk: BulkCipher = {
      takes: (bytes) => pool.takes(bytes),
      run: (...about) => {
        jobs += 1;
        return pool.run(...about);
      },
      close: () => pool.close(),
    };
    const there = partsOf(world, { cipher: world.cipher, bulk });
    const created = await encrypt(there, requestOf({ fields: FIELDS }), new FakeCallScope());
    const added = await encrypt(there, requestOf({ fields: FIELDS, edek: created.edek }), new FakeCallScope());
    assert.equal(jobs, 4);
    for (const { fields, edek } of [created, added]) {
      for (const parts of [there, world]) {
        const opened = await decrypt(parts, requestOf({ fields, edek }), new FakeCallScope());
        for (const [name, value] of FIELDS) assert.ok(Buffer.from(opened.fields.get(name) ?? []).equals(value), name);
      }
    }
    assert.equal(jobs, 8);
  });

  it('is refused as a whole where a large field was altered, and what had been opened is zeroed', async () => {
    const world = new World();
    const opened: Uint8Array[] = [];
    const run: BulkCipher['run'] = async (...about) => {
      const output = await pool.run(...about);
      if (output !== undefined) opened.push(output);
      return output;
    };
    const bulk = { takes: (bytes: number) => pool.takes(bytes), run, close: () => pool.close() };
    const { fields, edek } = await encrypt(world, requestOf({ fields: FIELDS }), new FakeCallScope());
    const last = Buffer.from(fields.get('last') as Uint8Array);
    last.writeUInt8(last.readUInt8(MIB) ^ 1, MIB);
    const asking = requestOf({ fields: new Map([...fields, ['last', last]]), edek });
    const parts = partsOf(world, { cipher: world.cipher, bulk });
    await assert.rejects(async () => decrypt(parts, asking, new FakeCallScope()), { reason: 'CIPHERTEXT_REJECTED' });
    assert.equal(opened.length, 1);
    assert.ok(opened[0]?.every((byte) => byte === 0));
  });

  it('ends in what its worker ended in, and leaves no key behind', async () => {
    const world = new World();
    const { cipher, unreleased } = countingCipher();
    const run = (): Promise<never> => Promise.reject(new KeysideError('INTERNAL', 'a worker of the cipher ended'));
    const parts = partsOf(world, { cipher, bulk: { takes: (bytes) => bytes >= MIB, run, close: () => Promise.resolve() } });
    const asking = requestOf({ fields: FIELDS });
    await assert.rejects(async () => encrypt(parts, asking, new FakeCallScope()), { reason: 'INTERNAL' });
    assert.equal(unreleased(), 0);
  });
});

describe("a request's keys", () => {
  it('are released when it ends, well or not', async () => {
    const world = new World();
    const { cipher, imported, unreleased } = countingCipher();
    const parts = partsOf(world, { cipher, bulk: undefined });
    const created = await encrypt(parts, requestOf({ fields: FIELDS }), new FakeCallScope());
    const added = await encrypt(parts, requestOf({ fields: FIELDS, edek: created.edek }), new FakeCallScope());
    for (const { fields } of [created, added]) {
      await decrypt(parts, requestOf({ fields, edek: created.edek }), new FakeCallScope());
      const altered = new Map([...fields, ['small', Buffer.alloc(60, 1)]]);
      const asking = requestOf({ fields: altered, edek: created.edek });
      await assert.rejects(async () => decrypt(parts, asking, new FakeCallScope()), { reason: 'CIPHERTEXT_REJECTED' });
    }
    await rewrap(parts, { ...requestOf({ edek: created.edek }), targetKeyId: undefined }, new FakeCallScope());
    assert.ok(imported.length >= 8, `${imported.length} keys`);
    assert.equal(unreleased(), 0);
  });
});
