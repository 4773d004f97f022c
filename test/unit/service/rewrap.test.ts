import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHeader } from '../../../src/envelope/header.ts';
import type { KeyConfiguration } from '../../../src/tenants/tenant.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { dataKeyOf, wrapOf } from '../../fakes/key-blocks.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { decryptFor, encryptFor, headerOver, rewrapFor, wrapsOf } from './documents.ts';

const FIELDS = { ssn: '123-45-6789', name: 'Ada' };
const STORED = { context: { row: '7' }, label: 'pii' };

/** Makes this key of acme the primary one, in place of the one that is. */
function promote(world: World, id: string): void {
  const keys = world.tenant().keys.map((key) => ({ ...key, state: key.id === id ? ('primary' as const) : ('active' as const) }));
  world.configure(tenantContent('acme', { keys }));
}

describe('rewrapping a document', () => {
  it('moves its key under the primary one, leaves everything else as it was, and the fields open byte for byte', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS, ...STORED });
    promote(world, 'acme-old');
    const rewrapped = await rewrapFor(world, { edek, ...STORED });
    assert.deepEqual([rewrapped.changed, rewrapped.keyId], [true, 'acme-old']);
    const [before, after] = [parseHeader(edek), parseHeader(rewrapped.edek)];
    assert.deepEqual({ ...after, keyBlock: before.keyBlock }, before);
    assert.deepEqual(
      after.keyBlock.wraps.map(({ configurationId }) => configurationId),
      ['acme-old'],
    );
    assert.deepEqual(await decryptFor(world, { fields, edek: rewrapped.edek, ...STORED }), FIELDS);
    assert.deepEqual(await decryptFor(world, { fields, edek, ...STORED }), FIELDS, 'the old EDEK goes on opening');
  });

  it('says that nothing changed where the EDEK is under the present version of the key, and gives it back', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    const { keyUse: _, oldKeyUse: __, ...same } = await rewrapFor(world, { edek });
    assert.deepEqual(same, { edek, keyId: 'acme-main', changed: false });
    await refused(rewrapFor(world, { edek, context: { row: '8' } }), 'CIPHERTEXT_REJECTED', /does not verify/);
  });

  it('moves to a new version of the same key', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS });
    world.kms.rotate('acme-main');
    const { edek: next, changed } = await rewrapFor(world, { edek });
    assert.ok(changed);
    assert.equal(wrapsOf(next)[0]?.keyVersion, '2');
    assert.deepEqual(await decryptFor(world, { fields, edek: next }), FIELDS);
  });

  it('goes under the key that the caller chooses', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    const { edek: next, keyId } = await rewrapFor(world, { edek, target: 'acme-old' });
    assert.deepEqual([keyId, wrapsOf(next)[0]?.configurationId], ['acme-old', 'acme-old']);
    await refused(rewrapFor(world, { edek, target: 'globex-main' }), 'KEY_NOT_FOUND');
    await refused(rewrapFor(world, { edek, target: 'nobodys' }), 'KEY_NOT_FOUND');
  });

  it("serves a sealed object's header, which stays one", async () => {
    const world = new World();
    const wraps = [await wrapOf(world, { configuration: 'acme-old', value: 5 })];
    const edek = headerOver(world, wraps, { kind: 'object', value: 5 });
    const { edek: next, changed } = await rewrapFor(world, { edek });
    assert.ok(changed);
    const [before, after] = [parseHeader(edek), parseHeader(next)];
    assert.deepEqual({ ...after, keyBlock: before.keyBlock }, before);
    assert.equal(after.kind, 'object');
    await refused(decryptFor(world, { edek: next }), 'EDEK_MALFORMED');
    const alien = headerOver(world, wraps, { kind: 'object', value: 6 });
    await refused(rewrapFor(world, { edek: alien }), 'CIPHERTEXT_REJECTED');
  });

  it('costs 100 documents under one lease one unwrap, one wrap and its proof', async () => {
    const world = new World();
    const edeks: Uint8Array[] = [];
    for (let at = 0; at < 100; at++)
      edeks.push((await encryptFor(world, { fields: { a: '1' }, context: { row: String(at) } })).edek);
    promote(world, 'acme-old');
    const calls = await world.callsOf(async () => {
      const all = await Promise.all(edeks.map((edek, at) => rewrapFor(world, { edek, context: { row: String(at) } })));
      assert.ok(all.every(({ changed }) => changed));
    });
    assert.deepEqual(calls, { unwrap: 2, wrap: 1 });
  });

  it('returns no wrap that does not open: it must never replace the only one that does', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    promote(world, 'acme-old');
    world.keys.alter('acme-old', (key) => ({ ...key, unwrap: async () => dataKeyOf(0) }));
    await refused(rewrapFor(world, { edek }), 'KEY_MISCONFIGURED');
    world.keys.alter('acme-old', (key) => ({
      ...key,
      wrap: async (request, signal) => ({ ...(await key.wrap(request, signal)), ciphertext: new Uint8Array(60) }),
    }));
    await refused(rewrapFor(world, { edek }), 'CIPHERTEXT_REJECTED');
  });

  const customer = keyConfiguration('acme-customer');
  const vendor = keyConfiguration('acme-vendor', { custody: 'vendor' });
  const local = keyConfiguration('acme-local', { custody: 'local' });
  const custodies: { from: readonly KeyConfiguration[]; to: KeyConfiguration; allowed: boolean }[] = [
    { from: [customer], to: vendor, allowed: false },
    { from: [customer], to: local, allowed: false },
    { from: [vendor], to: local, allowed: false },
    { from: [vendor], to: customer, allowed: true },
    { from: [local], to: customer, allowed: true },
    { from: [local], to: vendor, allowed: true },
    { from: [vendor, customer], to: vendor, allowed: true },
    { from: [customer, vendor], to: local, allowed: false },
  ];
  for (const { from, to, allowed } of custodies) {
    const names = `${from.map(({ custody }) => custody).join(' or ')} to ${to.custody} custody`;
    it(`${allowed ? 'may go' : 'never falls'} from ${names}`, async () => {
      const world = new World({ tenants: [tenantContent('acme', { keys: [customer, vendor, local] })] });
      const wraps = [];
      for (const { id } of from) wraps.push(await wrapOf(world, { configuration: id, value: 5 }));
      const edek = headerOver(world, wraps, { value: 5 });
      const rewrapping = rewrapFor(world, { edek, target: to.id });
      if (allowed) assert.equal((await rewrapping).keyId, to.id);
      else await refused(rewrapping, 'POLICY_DENIED', /would weaken it/);
    });
  }

  it('never replaces several shares by one key', async () => {
    const world = new World();
    const wraps = [
      await wrapOf(world, { configuration: 'acme-main', value: 1, share: 1, shareCount: 2 }),
      await wrapOf(world, { configuration: 'acme-old', value: 4, share: 2, shareCount: 2 }),
    ];
    const edek = headerOver(world, wraps, { value: 5 });
    assert.deepEqual(await decryptFor(world, { edek }), {});
    await refused(rewrapFor(world, { edek }), 'POLICY_DENIED', /2 keys/);
  });

  it('refuses a target that may not be used, before any KMS is asked', async () => {
    const keys = [
      keyConfiguration('acme-main', { state: 'primary' }),
      keyConfiguration('acme-off', { state: 'disabled' }),
      local,
    ];
    const world = new World({ tenants: [tenantContent('acme', { keys, minimumCustody: 'vendor' })] });
    const { edek } = await encryptFor(world, { fields: FIELDS });
    const calls = await world.callsOf(async () => {
      await refused(rewrapFor(world, { edek, target: 'acme-off' }), 'KEY_DISABLED_HERE');
      await refused(rewrapFor(world, { edek, target: 'acme-local' }), 'POLICY_DENIED');
    });
    assert.deepEqual(calls, {});
  });

  it('is judged by the policy of the label, as reading is', async () => {
    const labelPolicies = new Map([['pii', labelPolicy({ allowedCallers: new Set(['billing']) })]]);
    const world = new World({ tenants: [tenantContent('acme', { labelPolicies })] });
    const { edek } = await encryptFor(world, { fields: FIELDS, label: 'pii', scope: new FakeCallScope({ callerId: 'billing' }) });
    await refused(rewrapFor(world, { edek }), 'POLICY_DENIED');
  });

  it('leaves no secret behind', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    await rewrapFor(world, { edek, target: 'acme-old' });
    await refused(rewrapFor(world, { edek, context: { row: '8' } }), 'CIPHERTEXT_REJECTED');
    world.kms.disable('acme-old');
    await world.timer.advance(60_000);
    await refused(rewrapFor(world, { edek, target: 'acme-old' }), 'KEY_REVOKED');
    world.ring.close();
    secrets.assertAllWiped();
  });
});
