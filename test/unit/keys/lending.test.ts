import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { World } from '../../fakes/world.ts';
import { assertRefused } from '../core/refusal.ts';
import { read, readNow } from './reading.ts';
import { write, writeNow } from './writing.ts';

const LEASE_TTL_MS = 300_000;
const READ_TTL_MS = 60_000;
const MAIN = { configuration: 'acme-main', value: 7 };

describe('a data key that is lent to encrypt under', () => {
  it('is that of the lease, while there is one, and costs neither a signal nor a call', async () => {
    const world = new World();
    assert.equal(writeNow(world), undefined);
    const { dataKey } = await write(world);
    const scope = new FakeCallScope();
    const calls = await world.callsOf(async () => assert.equal(writeNow(world, { scope }), dataKey));
    assert.deepEqual([calls, scope.signalsMade], [{}, 0]);
    assert.deepEqual(world.metrics.lookups, ['miss write', 'hit write']);
    world.ring.dropTenant(world.tenant().id);
    assert.equal(writeNow(world), undefined);
  });

  it('counts its documents and bytes', async () => {
    const world = new World();
    await write(world, { policy: { leaseMaxDocuments: 3 } });
    const left = Array.from({ length: 3 }, () => writeNow(world, { policy: { leaseMaxDocuments: 3 } }) !== undefined);
    assert.deepEqual(left, [true, true, false]);
    const other = new World();
    await write(other, { bytes: 100, policy: { leaseMaxBytes: 250 } });
    assert.notEqual(writeNow(other, { bytes: 150, policy: { leaseMaxBytes: 250 } }), undefined);
    assert.equal(writeNow(other, { bytes: 1, policy: { leaseMaxBytes: 250 } }), undefined);
  });

  it('ends with the lease, and asks for the next one before', async () => {
    const world = new World();
    const { dataKey } = await write(world);
    await world.timer.advance(LEASE_TTL_MS * 0.8);
    assert.equal(writeNow(world), dataKey);
    await settled();
    assert.equal(world.callCount('generate'), 2);
    await world.timer.advance(LEASE_TTL_MS);
    assert.equal(writeNow(world), undefined);
  });

  it('is none where each document has a data key of its own', async () => {
    const world = new World();
    await write(world);
    assert.equal(writeNow(world, { policy: { protection: 'document' } }), undefined);
  });

  it('is another for a declared label and for another tenant', async () => {
    const world = new World();
    await write(world);
    assert.equal(writeNow(world, { declaredLabel: 'pii' }), undefined);
    const { dataKey } = await write(world, { declaredLabel: 'pii' });
    assert.equal(writeNow(world, { declaredLabel: 'pii' }), dataKey);
    assert.notEqual(writeNow(world), dataKey);
    assert.equal(writeNow(world, { tenant: 'globex' }), undefined);
  });
});

describe('a data key that is lent to read with', () => {
  it('is there within its time once it was opened, and costs neither a signal nor a call', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    assert.equal(readNow(world, block), undefined);
    await read(world, block);
    const scope = new FakeCallScope();
    const calls = await world.callsOf(async () => assert.equal(readNow(world, block, { scope }), 7));
    assert.deepEqual([calls, scope.signalsMade], [{}, 0]);
    assert.deepEqual(world.metrics.lookups, ['miss read', 'hit read']);
    assert.equal(readNow(world, block, { maxAgeMs: 0 }), undefined);
    await world.timer.advance(READ_TTL_MS);
    assert.equal(readNow(world, block), undefined);
  });

  it('is proven again ahead of its end', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    await world.timer.advance(READ_TTL_MS * 0.8);
    assert.equal(readNow(world, block), 7);
    await settled();
    assert.equal(world.callCount('unwrap'), 2);
    await world.timer.advance(READ_TTL_MS * 0.5);
    assert.equal(readNow(world, block), 7);
  });

  it('is none where every read asks the KMS, and none after a drop', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    assert.equal(readNow(world, block, { policy: { cacheTtlMs: 0 } }), undefined);
    world.ring.dropTenant(world.tenant().id);
    assert.equal(readNow(world, block), undefined);
  });

  it("is refused where the block is not this tenant's, whatever is in memory", async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    assertRefused(() => readNow(world, block, { tenant: 'globex' }), 'CIPHERTEXT_REJECTED');
  });
});
