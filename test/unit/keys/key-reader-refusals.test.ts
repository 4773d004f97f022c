import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { NO_SPAN } from '../../../src/telemetry/telemetry.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { read } from './reading.ts';

const TTL_MS = 60_000;
const NEGATIVE_TTL_MS = 1_000;

describe('a key that its KMS refuses while it is read', () => {
  it('is forgotten at once where a refresh learns of its revocation: other documents and leases too, other keys not', async () => {
    const world = new World();
    const blocks = [
      await blockOf(world, { configuration: 'acme-main', value: 1 }),
      await blockOf(world, { configuration: 'acme-main', value: 2 }),
      await blockOf(world, { configuration: 'acme-old', value: 3 }),
    ] as const;
    const [first, second, old] = blocks;
    for (const block of blocks) await read(world, block);
    const tenant = world.tenant();
    const [configuration] = tenant.keys;
    assert.ok(configuration);
    const request = { tenant, target: [[configuration]] as const, declaredLabel: undefined, policy: labelPolicy(), bytes: 1 };
    const lease = await world.ring.writer.take(request, { signal: new AbortController().signal, span: NO_SPAN });
    lease.dataKey.wipe();
    assert.equal(world.metrics.dataKeys().leases, 1);
    world.kms.disable('acme-main');
    await world.timer.advance(TTL_MS * 0.8);
    assert.equal(await read(world, first), 1, 'the reader whose use starts the refresh is still served');
    await settled();
    assert.deepEqual(
      { ...world.metrics.dataKeys(), oldestAgeMs: 0 },
      { entries: 1, bytes: 512, leases: 0, oldestAgeMs: 0 },
      'what acme-main opened is gone: two documents, the lease, and its entry for reading',
    );
    await refused(read(world, first), 'KEY_REVOKED');
    await refused(read(world, second), 'KEY_REVOKED');
    assert.equal(await read(world, old), 3);
    assert.deepEqual(world.metrics.evictions, { revoked: 4 });
  });

  it('loses only the version that is revoked where the KMS says so', async () => {
    const world = new World();
    const first = await blockOf(world, { configuration: 'acme-main', value: 1 });
    world.kms.rotate('acme-main');
    const second = await blockOf(world, { configuration: 'acme-main', value: 2 });
    const third = await blockOf(world, { configuration: 'acme-main', value: 3 });
    for (const block of [first, second, third]) await read(world, block);
    const revoked = new KeysideError('KEY_REVOKED', 'version 2 is disabled', { details: { scope: 'version' } });
    world.kms.script({ kind: 'throws', error: revoked });
    await world.timer.advance(TTL_MS * 0.8);
    await read(world, second);
    await settled();
    assert.equal(world.metrics.dataKeys().entries, 1, 'the two documents of version 2 are gone');
    const unwraps = world.callCount('unwrap');
    assert.equal(await read(world, first), 1);
    assert.equal(world.callCount('unwrap'), unwraps + 1, 'a refresh at most: version 1 serves from memory');
    assert.deepEqual(world.metrics.evictions, { revoked: 2 });
  });

  it('is forgotten for every tenant where the key is the one that the vendor lends', async () => {
    const vendor = keyConfiguration('vendor', { state: 'primary', custody: 'vendor', isVendorDefault: true });
    const world = new World({ tenants: ['acme', 'globex'].map((id) => tenantContent(id, { keys: [vendor] })) });
    const acme = await blockOf(world, { configuration: 'vendor', value: 1 });
    const globex = await blockOf(world, { configuration: 'vendor', tenant: 'globex', value: 2 });
    await read(world, acme);
    await read(world, globex, { tenant: 'globex' });
    world.kms.disable('vendor');
    await world.timer.advance(TTL_MS * 0.8);
    await read(world, acme);
    await settled();
    await refused(read(world, globex, { tenant: 'globex' }), 'KEY_REVOKED');
  });

  it('is never served past ttl on an unconfirmed refusal, and served until then', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    const policy = { outageLimitMs: 600_000 };
    await read(world, block, { policy });
    await world.timer.advance(TTL_MS * 0.8);
    world.kms.script({ kind: 'denied' });
    assert.equal(await read(world, block, { policy }), 7);
    await settled();
    await world.timer.advance(TTL_MS * 0.2 - 1);
    world.kms.script({ kind: 'denied' });
    assert.equal(await read(world, block, { policy }), 7);
    await settled();
    await world.timer.advance(1);
    await refused(read(world, block, { policy }), 'KEY_ACCESS_DENIED');
    world.ring.sweep();
    assert.equal(world.metrics.dataKeys().entries, 0, 'and zeroed though the outage limit would let it stay');
  });

  it('is not asked for again while the refusal is remembered, and is afterwards', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    world.kms.script({ kind: 'denied' });
    const first = await refused(read(world, block), 'KEY_ACCESS_DENIED');
    await world.timer.advance(NEGATIVE_TTL_MS - 1);
    assert.equal(await refused(read(world, block), 'KEY_ACCESS_DENIED'), first);
    assert.equal(world.callCount('unwrap'), 1);
    await world.timer.advance(1);
    assert.equal(await read(world, block), 7);
  });

  it('does not remember weather as a refusal', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    world.kms.script({ kind: 'unreachable' });
    await refused(read(world, block), 'KMS_UNAVAILABLE');
    assert.equal(await read(world, block), 7);
  });

  it("bars neither another document nor another tenant's", async () => {
    const vendor = keyConfiguration('vendor', { state: 'primary', custody: 'vendor', isVendorDefault: true });
    const world = new World({ tenants: ['acme', 'globex'].map((id) => tenantContent(id, { keys: [vendor] })) });
    const block = await blockOf(world, { configuration: 'vendor', value: 1 });
    const sibling = await blockOf(world, { configuration: 'vendor', value: 2 });
    const globex = await blockOf(world, { configuration: 'vendor', tenant: 'globex', value: 3 });
    world.kms.script({ kind: 'denied' });
    await refused(read(world, block), 'KEY_ACCESS_DENIED');
    assert.equal(await read(world, sibling), 2);
    assert.equal(await read(world, globex, { tenant: 'globex' }), 3);
    await refused(read(world, globex), 'CIPHERTEXT_REJECTED');
    assert.equal(await read(world, globex, { tenant: 'globex' }), 3, 'what acme was refused says nothing to globex');
  });

  it('is asked for again after DropKeys', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    world.kms.script({ kind: 'denied' });
    await refused(read(world, block), 'KEY_ACCESS_DENIED');
    world.ring.dropTenant(world.tenant('globex').id);
    await refused(read(world, block), 'KEY_ACCESS_DENIED');
    assert.equal(world.callCount('unwrap'), 1, "another tenant's drop clears nothing");
    world.ring.dropTenant(world.tenant().id);
    assert.equal(await read(world, block), 7);
  });

  it('is asked for again after DropKeys though the refusal came from a call that was in the air', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    world.kms.script({ kind: 'deaf' });
    const reading = read(world, block);
    await settled();
    world.kms.disable('acme-main');
    world.ring.dropTenant(world.tenant().id);
    world.kms.answerLate();
    await refused(reading, 'KEY_REVOKED');
    world.kms.enable('acme-main');
    assert.equal(await read(world, block), 7);
  });

  it('takes a key of another length for bad ciphertext, and keeps nothing of it', async () => {
    for (const bytes of [0, 31, 33]) {
      const world = new World();
      const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
      world.kms.script({ kind: 'garbage', bytes });
      const { message } = await refused(read(world, block), 'CIPHERTEXT_REJECTED');
      assert.equal(message, 'the ciphertext does not verify for this tenant, context and key');
      assert.equal(world.metrics.dataKeys().entries, 0);
      assert.ok(world.kms.givenOut.every((secret) => secret.isWiped));
      await world.timer.advance(NEGATIVE_TTL_MS);
      assert.equal(await read(world, block), 7);
    }
  });

  it('is a fault of ours where the provider throws what it should not, and not remembered', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    world.kms.script({ kind: 'throws', error: new TypeError('undefined is not a function') });
    await refused(read(world, block), 'INTERNAL');
    assert.equal(await read(world, block), 7);
  });
});
