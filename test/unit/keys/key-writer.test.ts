import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { read } from './reading.ts';
import { type Writing, write } from './writing.ts';

const LEASE_TTL_MS = 300_000;

async function writeMany(world: World, count: number, writing: Writing = {}): Promise<Set<string>> {
  const keys = new Set<string>();
  for (let at = 0; at < count; at++) keys.add((await write(world, writing)).dataKey);
  return keys;
}

describe('a data key to encrypt under', () => {
  it('costs one generate and one unwrap for all documents of the first lease, and one generate for the next lease', async () => {
    const world = new World();
    assert.equal((await writeMany(world, 100)).size, 1);
    assert.deepEqual([world.callCount('generate'), world.callCount('unwrap'), world.callCount('wrap')], [1, 1, 0]);
    await world.timer.advance(LEASE_TTL_MS);
    assert.equal((await writeMany(world, 10)).size, 1);
    assert.deepEqual([world.callCount('generate'), world.callCount('unwrap')], [2, 1]);
    assert.deepEqual(world.metrics.lookups.slice(0, 3), ['miss write', 'hit write', 'hit write']);
  });

  it('is opened once for 64 concurrent writers, and a hit makes no signal', async () => {
    const world = new World();
    const written = await Promise.all(Array.from({ length: 64 }, () => write(world)));
    assert.equal(new Set(written.map(({ dataKey }) => dataKey)).size, 1);
    assert.equal(world.callCount('generate'), 1);
    const scope = new FakeCallScope();
    await write(world, { scope });
    assert.equal(scope.signalsMade, 0);
  });

  it('opens from what was stored with it', async () => {
    const world = new World();
    const { keyBlock, dataKey } = await write(world);
    world.ring.dropTenant(world.tenant().id);
    const [wrap] = keyBlock.wraps;
    assert.ok(wrap);
    const context = { tenantId: world.tenant().id, configurationId: wrap.configurationId, share: 0, shareCount: 0 };
    const wrapped = { algorithm: 1, keyVersion: wrap.keyVersion, ciphertext: wrap.ciphertext } as const;
    using opened = await world.kms.open('acme-main').unwrap({ wrapped, context }, new AbortController().signal);
    assert.equal(Buffer.from(opened.expose()).toString('hex'), dataKey);
  });

  it('can be read from memory at once, where policy lets reading keep keys', async () => {
    const world = new World();
    const { keyBlock } = await write(world);
    const calls = await world.callsOf(async () => {
      (await world.ring.reader.open({ ...reading(world), keyBlock }, new FakeCallScope())).wipe();
    });
    assert.deepEqual(calls, {});
    const strict = new World();
    const policy = { cacheTtlMs: 0, outageLimitMs: 0 };
    await write(strict, { policy });
    assert.equal(strict.metrics.dataKeys().entries, 0);
  });

  it('ends by time, counted from sending the call that proved it', async () => {
    const world = new World();
    world.kms.script({ kind: 'deaf' }); // the generate
    const first = write(world);
    await settled();
    await world.timer.advance(2_000);
    world.kms.script({ kind: 'deaf' }); // the unwrap that proves the configuration, sent at 2 s
    world.kms.answerLate();
    await settled();
    await settled();
    await world.timer.advance(2_000);
    world.kms.answerLate();
    const { dataKey } = await first;
    await world.timer.advance(LEASE_TTL_MS - 2_000 - 1);
    world.kms.script({ kind: 'unreachable' });
    assert.equal((await write(world)).dataKey, dataKey);
    await settled();
    await world.timer.advance(1);
    assert.notEqual((await write(world)).dataKey, dataKey);
  });

  const limits: { name: string; policy: Writing['policy'] & object; bytes: number; documents: number; leases: number }[] = [
    { name: 'documents', policy: { leaseMaxDocuments: 4 }, bytes: 1, documents: 12, leases: 3 },
    { name: 'bytes', policy: { leaseMaxBytes: 400 }, bytes: 100, documents: 12, leases: 3 },
    { name: 'bytes, where they do not divide evenly', policy: { leaseMaxBytes: 399 }, bytes: 100, documents: 12, leases: 4 },
    { name: 'one document', policy: { leaseMaxDocuments: 1 }, bytes: 1, documents: 5, leases: 5 },
    {
      name: 'bytes, each document larger than a whole lease',
      policy: { leaseMaxBytes: 10 },
      bytes: 100,
      documents: 5,
      leases: 5,
    },
  ];
  for (const { name, policy, bytes, documents, leases } of limits) {
    it(`ends by ${name}`, async () => {
      const world = new World();
      const seen: string[] = [];
      for (let at = 0; at < documents; at++) {
        seen.push((await write(world, { policy, bytes })).dataKey);
        await settled(); // what is renewed ahead has its time
        await settled();
        await world.timer.advance(1);
      }
      const most = Math.max(...[...Map.groupBy(seen, (key) => key).values()].map((group) => group.length));
      assert.ok(new Set(seen).size >= leases, `${new Set(seen).size} data keys for ${documents} documents`);
      assert.ok(most <= documents / leases, `one data key served ${most} documents`);
    });
  }

  it('ends for 20 concurrent writers too where a lease has few documents', async () => {
    const world = new World();
    const written = await Promise.all(Array.from({ length: 20 }, () => write(world, { policy: { leaseMaxDocuments: 3 } })));
    const groups = [...Map.groupBy(written, ({ dataKey }) => dataKey).values()];
    assert.ok(groups.every((group) => group.length <= 3));
  });

  it('is one for each document where policy turns leases off', async () => {
    const world = new World();
    assert.equal((await writeMany(world, 5, { policy: { protection: 'document' } })).size, 5);
    assert.deepEqual([world.callCount('generate'), world.callCount('unwrap')], [5, 1]);
    assert.equal(world.metrics.dataKeys().leases, 0);
    assert.deepEqual(world.metrics.lookups, Array(5).fill('miss write'));
  });

  it('is shared by all labels that policy does not declare, and by no others', async () => {
    const world = new World();
    const undeclared = await write(world);
    assert.equal((await write(world)).dataKey, undeclared.dataKey);
    const declared = [await write(world, { declaredLabel: 'pii' }), await write(world, { declaredLabel: '' })];
    const foreign = await write(world, { tenant: 'globex' });
    const all = [undeclared, ...declared, foreign].map(({ dataKey }) => dataKey);
    assert.equal(new Set(all).size, 4, 'a label that is declared and empty is not one that is undeclared');
    assert.equal(world.callCount('generate'), 4);
  });

  it('is another one after the configuration changed', async () => {
    const world = new World();
    const before = await write(world);
    world.configure({ ...tenantContent('acme', { minimumCustody: 'vendor' }) });
    assert.equal(world.metrics.dataKeys().leases, 0);
    assert.notEqual((await write(world)).dataKey, before.dataKey);
  });

  it('is renewed ahead at 80 % of its time, in the background and once', async () => {
    const world = new World();
    const { dataKey } = await write(world);
    await world.timer.advance(LEASE_TTL_MS * 0.8);
    const during = await Promise.all(Array.from({ length: 10 }, () => write(world)));
    assert.ok(
      during.every((each) => each.dataKey === dataKey),
      'nobody waits for the renewal',
    );
    await settled();
    assert.equal(world.callCount('generate'), 2);
    assert.notEqual((await write(world)).dataKey, dataKey);
  });

  it('goes on to its limit in an outage and not beyond, asking the KMS once a second', async () => {
    const world = new World();
    const { dataKey } = await write(world);
    world.kms.script(...Array(1_000).fill({ kind: 'unreachable' }));
    await world.timer.advance(LEASE_TTL_MS * 0.8);
    const before = world.callCount('generate');
    for (let tenths = 0; tenths < 50; tenths++) {
      assert.equal((await write(world)).dataKey, dataKey);
      await settled();
      await settled();
      await world.timer.advance(100);
    }
    assert.equal(world.callCount('generate') - before, 5);
    await world.timer.advance(LEASE_TTL_MS * 0.2 - 5_000 - 1);
    assert.equal((await write(world)).dataKey, dataKey);
    await settled();
    await world.timer.advance(1);
    await refused(write(world), 'KMS_UNAVAILABLE');
  });

  it('ends at once where the renewal learns that the key is revoked, and at its limit on an unconfirmed refusal', async () => {
    const world = new World();
    const { dataKey } = await write(world);
    await world.timer.advance(LEASE_TTL_MS * 0.8);
    world.kms.script({ kind: 'denied' });
    await write(world);
    await settled();
    assert.equal((await write(world)).dataKey, dataKey);
    await world.timer.advance(1_000);
    world.kms.disable('acme-main');
    await write(world);
    await settled();
    await refused(write(world), 'KEY_REVOKED');
    assert.deepEqual([world.metrics.dataKeys().entries, world.metrics.dataKeys().leases], [0, 0]);
  });

  it('is made for the request alone where a lease is over before its first use: the KMS takes longer than a lease lasts', async () => {
    const world = new World();
    const writing = write(world, { policy: { leaseTtlMs: 1 } });
    for (let round = 0; round < 6; round++) {
      world.kms.script({ kind: 'deaf' });
      await settled();
      await settled();
      await world.timer.advance(10);
      world.kms.answerLate();
    }
    await settled();
    await writing;
    assert.equal(world.callCount('generate'), 2, 'one for the lease that was over, one for the document');
  });

  it('is made anew where it was dropped while it was made', async () => {
    const world = new World();
    world.kms.script({ kind: 'deaf' });
    const writing = write(world);
    await settled();
    world.ring.dropTenant(world.tenant().id);
    world.kms.answerLate();
    const { dataKey } = await writing;
    assert.deepEqual([world.callCount('generate'), world.metrics.dataKeys().leases], [2, 0]);
    assert.notEqual((await write(world)).dataKey, dataKey);
  });

  it('is used, but not kept for reading, where it was dropped while it was made for one document', async () => {
    const world = new World();
    world.kms.script({ kind: 'deaf' });
    const writing = write(world, { policy: { protection: 'document' } });
    await settled();
    world.ring.dropTenant(world.tenant().id);
    world.kms.answerLate();
    await writing;
    assert.equal(world.metrics.dataKeys().entries, 0);
  });

  it('lets a waiter leave at its own deadline, and aborts the KMS with the last', async () => {
    const world = new World();
    world.kms.script({ kind: 'hangs' });
    const [first, second] = [new FakeCallScope(), new FakeCallScope()];
    const waiting = [write(world, { scope: first }), write(world, { scope: second })] as const;
    await settled();
    first.passDeadline();
    await refused(waiting[0], 'DEADLINE_EXCEEDED');
    assert.equal(world.kms.running, 1);
    second.cancel();
    await refused(waiting[1], 'CANCELLED');
    await settled();
    assert.equal(world.kms.running, 0);
    assert.equal(world.timer.pending, 0);
    await write(world);
  });

  it('leaves no secret behind, whether the KMS answers, fails or lies', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World();
    world.kms.script({ kind: 'unreachable' });
    await refused(write(world), 'KMS_UNAVAILABLE');
    for (const bytes of [0, 31, 33]) {
      world.kms.script({ kind: 'garbage', bytes });
      await refused(write(world), 'KMS_UNAVAILABLE');
    }
    world.kms.script({ kind: 'foreign-version' });
    await refused(write(world), 'KEY_MISCONFIGURED');
    await writeMany(world, 5, { policy: { leaseMaxDocuments: 2 } });
    await writeMany(world, 2, { policy: { protection: 'document' } });
    await settled();
    world.ring.close();
    secrets.assertAllWiped();
  });

  it('goes on for its time when the time for reading is over: both count from the same proof', async () => {
    const world = new World();
    const { keyBlock, dataKey } = await write(world);
    await world.timer.advance(60_000);
    world.kms.disable('acme-main');
    assert.equal((await write(world)).dataKey, dataKey);
    await refused(read(world, keyBlock), 'KEY_REVOKED');
    await refused(write(world), 'KEY_REVOKED');
  });
});

function reading(world: World) {
  return {
    tenant: world.tenant(),
    policy: world.tenant().defaultPolicy,
    maxAgeMs: Number.POSITIVE_INFINITY,
    verifies: () => true,
  };
}
