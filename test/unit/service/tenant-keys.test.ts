import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorReason } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { checkKey, dropKeys, listKeys } from '../../../src/service/tenant-keys.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import type { FakeFault } from '../../fakes/fake-kms.ts';
import { dataKeyOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { FakeKmsWatch } from '../../fakes/kms-watch.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { keyConfiguration, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { decryptFor, encryptFor } from './documents.ts';

const ACME = parseTenantId('acme');

function check(world: World, id?: string, scope = new FakeCallScope()) {
  return checkKey(world, { tenantId: ACME, keyId: id === undefined ? undefined : parseKeyConfigurationId(id) }, scope);
}

describe('the probe of a key', () => {
  it('wraps, unwraps, compares, and tells version, state and how long it took', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World();
    world.kms.rotate('acme-main');
    const { wrapMs, unwrapMs, configuration, ...found } = await check(world);
    assert.equal(configuration.id, 'acme-main');
    assert.deepEqual(found, { kmsState: 'enabled', keyVersion: '2', error: undefined });
    assert.ok(wrapMs !== undefined && unwrapMs !== undefined && wrapMs >= 0 && unwrapMs >= 0);
    assert.deepEqual(world.kms.calls.map(({ operation }) => operation).toSorted(), ['describe', 'unwrap', 'wrap']);
    secrets.assertAllWiped();
  });

  it('probes the key that is asked for', async () => {
    const { configuration, error } = await check(new World(), 'acme-old');
    assert.deepEqual([configuration.id, error], ['acme-old', undefined]);
  });

  const findings: { name: string; faults: readonly FakeFault[]; reason: ErrorReason }[] = [
    { name: 'that refuses', faults: [{ kind: 'denied' }, { kind: 'denied' }], reason: 'KEY_ACCESS_DENIED' },
    { name: 'that cannot be reached', faults: [{ kind: 'unreachable' }, { kind: 'unreachable' }], reason: 'KMS_UNAVAILABLE' },
    {
      name: 'that wraps to nothing',
      faults: [
        { kind: 'wrap-size', bytes: 0 },
        { kind: 'wrap-size', bytes: 0 },
      ],
      reason: 'KMS_UNAVAILABLE',
    },
  ];
  for (const { name, faults, reason } of findings) {
    it(`finds a KMS ${name}: an answer, not an error of the call`, async () => {
      const world = new World();
      world.kms.script(...faults);
      const { error, unwrapMs } = await check(world);
      assert.equal(error?.reason, reason);
      assert.equal(unwrapMs, undefined);
    });
  }

  it('finds a KMS that does not unwrap what it wrapped', async () => {
    const world = new World();
    world.keys.alter('acme-main', (key) => ({ ...key, unwrap: async () => dataKeyOf(0) }));
    const { error, wrapMs } = await check(world);
    assert.equal(error?.reason, 'KEY_MISCONFIGURED');
    assert.ok(wrapMs !== undefined);
  });

  it('finds a disabled configuration without asking the KMS', async () => {
    const keys = [keyConfiguration('acme-main', { state: 'primary' }), keyConfiguration('acme-off', { state: 'disabled' })];
    const world = new World({ tenants: [tenantContent('acme', { keys })] });
    assert.equal((await check(world, 'acme-off')).error?.reason, 'KEY_DISABLED_HERE');
    assert.equal(world.kms.calls.length, 0);
  });

  it('finds a revoked key and its state, and what it opened is forgotten at once', async () => {
    const world = new World();
    await encryptFor(world, { fields: { a: '1' } });
    world.kms.disable('acme-main');
    const { error, kmsState } = await check(world);
    assert.deepEqual([error?.reason, kmsState], ['KEY_REVOKED', 'disabled']);
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [0, 0]);
  });

  it('says nothing of a state that it may not ask for: the wrap tells', async () => {
    const world = new World();
    world.keys.alter('acme-main', (key) => ({
      ...key,
      describe: async () => {
        throw new Error('not allowed');
      },
    }));
    const { error, kmsState } = await check(world);
    assert.deepEqual([error, kmsState], [undefined, 'unknown']);
  });

  it('has no finding where there is no such key, where the call ends, or where the fault is ours', async () => {
    const world = new World();
    await refused(check(world, 'globex-main'), 'KEY_NOT_FOUND');
    await refused(
      checkKey(world, { tenantId: parseTenantId('nobody'), keyId: undefined }, new FakeCallScope()),
      'TENANT_UNKNOWN',
    );
    const scope = new FakeCallScope();
    world.kms.script({ kind: 'hangs' }, { kind: 'hangs' });
    const checking = check(world, 'acme-main', scope);
    await settled();
    scope.cancel();
    await refused(checking, 'CANCELLED');
    const broken = { kind: 'throws', error: new TypeError('undefined is not a function') } as const;
    world.kms.script(broken, broken);
    await refused(check(world), 'INTERNAL');
  });

  for (const trouble of ['forbids', 'failsToNote'] as const) {
    it(`finds nothing about the key where the watch ${trouble === 'forbids' ? 'forbids it' : 'cannot take note of it'}`, async () => {
      const watch = new FakeKmsWatch();
      const world = new World({ watch });
      watch[trouble] = true;
      await refused(check(world), 'AUDIT_UNAVAILABLE');
      assert.equal(world.callCount('wrap'), trouble === 'forbids' ? 0 : 1);
    });
  }

  it('has no primary key to probe where there is none', async () => {
    const world = new World({ tenants: [tenantContent('acme', { keys: [keyConfiguration('acme-main')] })] });
    await refused(check(world), 'NO_PRIMARY_KEY');
  });
});

describe("a tenant's keys", () => {
  it('are listed as they are configured, without asking a KMS', () => {
    const world = new World();
    assert.deepEqual(
      listKeys(world, ACME).map(({ id }) => id),
      ['acme-main', 'acme-old'],
    );
    assert.equal(world.kms.calls.length, 0);
    assert.throws(() => listKeys(world, parseTenantId('nobody')), { reason: 'TENANT_UNKNOWN' });
  });

  it('are dropped, all of them or those of one key, and the next call goes to the KMS', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: { a: '1' } });
    assert.equal(dropKeys(world, { tenantId: ACME, keyId: parseKeyConfigurationId('acme-old') }), 0);
    assert.equal(dropKeys(world, { tenantId: ACME, keyId: undefined }), 2);
    assert.deepEqual(await world.callsOf(() => decryptFor(world, { fields, edek })), { unwrap: 1 });
    assert.equal(dropKeys(world, { tenantId: ACME, keyId: parseKeyConfigurationId('acme-main') }), 1);
    assert.throws(() => dropKeys(world, { tenantId: parseTenantId('nobody'), keyId: undefined }), { reason: 'TENANT_UNKNOWN' });
  });
});
