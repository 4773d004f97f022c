import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTenantId } from '../../../src/core/ids.ts';
import { decrypt } from '../../../src/service/decrypt.ts';
import { openObject } from '../../../src/service/open-object.ts';
import { sealObject } from '../../../src/service/seal-object.ts';
import type { KeyUse } from '../../../src/service/service.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { labelPolicy, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { type Asking, encryptFor, requestOf, rewrapFor } from './documents.ts';

const FIELDS = { ssn: '123-45-6789', name: 'Ada' };
/** More than is done in one turn: the way that waits. */
const LARGE = { ssn: 'x'.repeat(300_000) };

/** `acme-main 1 from the cache` */
function said({ wraps, from }: KeyUse): string {
  return `${wraps.map(({ configurationId, keyVersion }) => `${configurationId} ${keyVersion}`).join(', ')} from the ${from}`;
}

async function encrypted(world: World, asking: Asking): Promise<string> {
  return said((await encryptFor(world, asking)).keyUse);
}

async function decrypted(world: World, asking: Asking): Promise<string> {
  return said((await decrypt(world, requestOf(asking), new FakeCallScope())).keyUse);
}

/** The tenant's data keys are no longer in memory. */
function forget(world: World): void {
  world.ring.dropTenant(world.tenant().id);
}

describe('what a use case says of the keys it used', () => {
  for (const { name, fields } of [
    { name: 'a small document', fields: FIELDS },
    { name: 'a large one', fields: LARGE },
  ]) {
    it(`names those of ${name}, and whether the KMS was asked`, async () => {
      const world = new World();
      assert.equal(await encrypted(world, { fields }), 'acme-main 1 from the kms');
      assert.equal(await encrypted(world, { fields }), 'acme-main 1 from the cache');
      const document = await encryptFor(world, { fields });
      assert.equal(await decrypted(world, document), 'acme-main 1 from the cache');
      forget(world);
      assert.equal(await decrypted(world, document), 'acme-main 1 from the kms');
      assert.equal(await decrypted(world, document), 'acme-main 1 from the cache');
    });
  }

  it('names the version that a document is stored under, not the newest', async () => {
    const world = new World();
    const document = await encryptFor(world, { fields: FIELDS });
    world.kms.rotate('acme-main');
    forget(world);
    assert.equal(await decrypted(world, document), 'acme-main 1 from the kms');
    assert.equal(await encrypted(world, { fields: FIELDS }), 'acme-main 2 from the kms');
  });

  it('is of the document that is there, where fields are added to it', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    assert.equal(await encrypted(world, { fields: FIELDS, edek }), 'acme-main 1 from the cache');
    forget(world);
    assert.equal(await encrypted(world, { fields: FIELDS, edek }), 'acme-main 1 from the kms');
  });

  it('says that who waited with another request had its data key from the KMS', async () => {
    const world = new World();
    const uses = await Promise.all([encrypted(world, { fields: FIELDS }), encrypted(world, { fields: FIELDS })]);
    assert.deepEqual(uses, ['acme-main 1 from the kms', 'acme-main 1 from the kms']);
    assert.equal(world.callCount('generate'), 1);
  });

  it('says that the cache served where the KMS cannot be reached', async () => {
    const defaultPolicy = labelPolicy({ cacheTtlMs: 1_000, outageLimitMs: 600_000 });
    const world = new World({ tenants: [tenantContent('acme', { defaultPolicy })] });
    const document = await encryptFor(world, { fields: FIELDS });
    await world.timer.advance(1_000);
    world.kms.script({ kind: 'unreachable' });
    assert.equal(await decrypted(world, document), 'acme-main 1 from the cache');
    assert.equal(world.kms.unmet, 0);
  });

  it('names old and new wraps of a rewrap, each with where its data key came from', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    const { edek: other } = await encryptFor(world, { fields: FIELDS });
    const rewrapped = async (asking: Asking): Promise<string[]> => {
      const { oldKeyUse, keyUse } = await rewrapFor(world, asking);
      return [said(oldKeyUse), said(keyUse)];
    };
    assert.deepEqual(await rewrapped({ edek, target: 'acme-old' }), ['acme-main 1 from the cache', 'acme-old 1 from the kms']);
    assert.deepEqual(
      await rewrapped({ edek: other, target: 'acme-old' }),
      ['acme-main 1 from the cache', 'acme-old 1 from the cache'],
      'the new wraps of the lease serve its other documents',
    );
    forget(world);
    assert.deepEqual(await rewrapped({ edek }), ['acme-main 1 from the kms', 'acme-main 1 from the kms']);
  });

  it('names the keys of a sealed object when its stream begins', async () => {
    const world = new World();
    const object = { tenantId: parseTenantId('acme'), context: new Map(), dataLabel: '' };
    const scope = new FakeCallScope();
    const uses: string[] = [];
    for (let at = 0; at < 2; at++) {
      const { sealer, keyUse } = await sealObject(world, object, scope);
      sealer.wipe();
      uses.push(said(keyUse));
    }
    const { sealer, edek } = await sealObject(world, object, scope);
    sealer.wipe();
    for (let at = 0; at < 2; at++) {
      if (at === 0) forget(world);
      const { opener, keyUse } = await openObject(world, { ...object, edek, range: undefined }, scope);
      opener.wipe();
      uses.push(said(keyUse));
    }
    const [fromKms, fromCache] = ['acme-main 1 from the kms', 'acme-main 1 from the cache'];
    assert.deepEqual(uses, [fromKms, fromCache, fromKms, fromCache]);
  });
});
