import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import type { LabelPolicy } from '../../../src/tenants/tenant.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { labelPolicy } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { read } from './reading.ts';

async function write(world: World, tenantId = 'acme', policy: Partial<LabelPolicy> = {}): Promise<void> {
  const tenant = world.tenant(tenantId);
  const [configuration] = tenant.keys;
  assert.ok(configuration);
  const request = { tenant, target: [[configuration]] as const, declaredLabel: undefined, policy: labelPolicy(policy), bytes: 1 };
  (await world.ring.writer.take(request, new FakeCallScope())).dataKey.wipe();
}

describe('the key ring', () => {
  it("drops a tenant's data keys and leases, counts them, and leaves the others'", async () => {
    const world = new World();
    await read(world, await blockOf(world, { configuration: 'acme-main', value: 1 }));
    await read(world, await blockOf(world, { configuration: 'acme-old', value: 2 }));
    await write(world);
    await write(world, 'globex');
    assert.equal(world.ring.dropTenant(world.tenant('acme').id), 4, 'two documents, a lease and what it can read');
    assert.deepEqual(world.metrics.evictions, { dropped: 4 });
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [1, 1]);
  });

  it('drops only what one configuration opened where it is told so', async () => {
    const world = new World();
    await read(world, await blockOf(world, { configuration: 'acme-main', value: 1 }));
    await read(world, await blockOf(world, { configuration: 'acme-old', value: 2 }));
    await write(world);
    const [, old] = world.tenant().keys;
    assert.ok(old);
    assert.equal(world.ring.dropTenant(world.tenant().id, { configurationId: old.id }), 1);
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [2, 1]);
  });

  it('learns nothing from failures that are no confirmed revocation', async () => {
    const world = new World();
    await read(world, await blockOf(world, { configuration: 'acme-main', value: 1 }));
    const [main] = world.tenant().keys;
    assert.ok(main);
    for (const error of [
      new KeysideError('KEY_ACCESS_DENIED', 'refused'),
      new KeysideError('KEY_NOT_FOUND', 'not there'),
      new KeysideError('KMS_UNAVAILABLE', 'not reached'),
      new Error('KEY_REVOKED'),
    ]) {
      world.ring.learn(error, { configurationId: main.id, keyVersion: '1' });
    }
    assert.equal(world.metrics.dataKeys().entries, 1);
  });

  it('keeps nothing of a call that was in the air when the revocation of its key was learned from another one', async () => {
    const world = new World();
    const slow = await blockOf(world, { configuration: 'acme-main', value: 1 });
    const quick = await blockOf(world, { configuration: 'acme-main', value: 2 });
    let answer = (): void => undefined;
    world.keys.alter('acme-main', (key) => ({
      ...key,
      unwrap: async (request, signal) => {
        const opened = await key.unwrap(request, signal);
        if (request.wrapped.ciphertext === slow.wraps[0]?.ciphertext) await new Promise<void>((resolve) => (answer = resolve));
        return opened;
      },
    }));
    const reading = read(world, slow);
    await settled();
    await settled();
    world.kms.disable('acme-main');
    await refused(read(world, quick), 'KEY_REVOKED');
    answer();
    assert.equal(await reading, 1);
    assert.equal(world.metrics.dataKeys().entries, 0);
  });

  it('sweeps what has outlived its time, and nothing before', async () => {
    const world = new World();
    await read(world, await blockOf(world, { configuration: 'acme-main', value: 1 }));
    await write(world, 'acme', { leaseTtlMs: 90_000 });
    await world.timer.advance(59_999);
    world.ring.sweep();
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [2, 1]);
    await world.timer.advance(1);
    world.ring.sweep();
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [0, 1]);
    await world.timer.advance(30_000);
    world.ring.sweep();
    assert.equal(world.metrics.dataKeys().leases, 0);
    assert.deepEqual(world.metrics.evictions, { expired: 3 });
  });

  it('says how many data keys there are, what they take and how old the oldest proof is', async () => {
    const world = new World();
    assert.deepEqual(world.metrics.dataKeys(), { entries: 0, bytes: 0, leases: 0, oldestAgeMs: 0 });
    await read(world, await blockOf(world, { configuration: 'acme-main', value: 1 }));
    await world.timer.advance(1_000);
    await write(world);
    await world.timer.advance(500);
    assert.deepEqual(world.metrics.dataKeys(), { entries: 2, bytes: 1_024, leases: 1, oldestAgeMs: 1_500 });
  });

  it('leaves no secret behind: not of reads, waiters, refreshes, leases, renewals or replaced entries', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World({ cacheLimits: { maxEntries: 3 } });
    for (let value = 1; value <= 4; value++) {
      const block = await blockOf(world, { configuration: 'acme-main', value });
      await Promise.all([read(world, block), read(world, block), read(world, block)]);
      await world.timer.advance(50_000);
      await read(world, block); // refreshed in the background
      await write(world, 'acme', { leaseTtlMs: 60_000, leaseMaxDocuments: 2 });
      await write(world, 'acme', { leaseTtlMs: 60_000, leaseMaxDocuments: 2 }); // renewed in the background
      await settled();
    }
    assert.ok(secrets.alive <= 3 + 1, `${secrets.alive} secrets live beside 3 entries and 1 lease`);
    world.ring.close();
    secrets.assertAllWiped();
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [0, 0]);
  });
});
