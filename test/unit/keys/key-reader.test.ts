import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/core/clock.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { read } from './reading.ts';

const TTL_MS = 60_000;
const MAIN = { configuration: 'acme-main', value: 7 };

describe('reading a stored key block', () => {
  it('costs 64 concurrent cold readers one unwrap, and every secret of it is wiped', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    const values = await Promise.all(Array.from({ length: 64 }, () => read(world, block)));
    assert.deepEqual(values, Array(64).fill(7));
    assert.equal(world.callCount('unwrap'), 1);
    assert.deepEqual(
      world.metrics.lookups,
      ['miss read', ...Array(63).fill('wait read')],
      'one asks, the others wait for its answer',
    );
    world.ring.close();
    assert.ok(world.kms.givenOut.every((secret) => secret.isWiped));
  });

  it('takes the key from memory until ttl after the call was sent, and a hit makes no signal', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    assert.equal(await read(world, block), 7);
    await world.timer.advance(TTL_MS * 0.8 - 1);
    const scope = new FakeCallScope();
    assert.equal(await read(world, block, { scope }), 7);
    assert.equal(scope.signalsMade, 0);
    assert.equal(world.callCount('unwrap'), 1);
    assert.deepEqual(world.metrics.lookups, ['miss read', 'hit read']);
  });

  it('counts the lifetime from sending the call, not from its answer', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    world.kms.script({ kind: 'deaf' });
    const slow = read(world, block);
    await settled();
    await world.timer.advance(2_000);
    world.kms.answerLate();
    assert.equal(await slow, 7);
    await world.timer.advance(TTL_MS - 2_000 - 1);
    world.kms.script({ kind: 'denied' });
    assert.equal(await read(world, block), 7, 'a millisecond before the end it serves');
    await settled();
    await world.timer.advance(1);
    await refused(read(world, block), 'KEY_ACCESS_DENIED');
  });

  it('is not extended by use: read every second, the key ends all the same', async () => {
    const world = new World({ cacheLimits: { negativeTtlMs: 0 } });
    const block = await blockOf(world, MAIN);
    await read(world, block);
    world.kms.script(...Array(100).fill({ kind: 'denied' }));
    for (let second = 1; second < TTL_MS / 1_000; second++) {
      await world.timer.advance(1_000);
      assert.equal(await read(world, block), 7);
      await settled();
    }
    await world.timer.advance(1_000);
    await refused(read(world, block), 'KEY_ACCESS_DENIED');
  });

  it('refreshes ahead once 80 % of the ttl has passed, in the background and once', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    await world.timer.advance(TTL_MS * 0.8);
    await Promise.all(Array.from({ length: 10 }, () => read(world, block)));
    assert.equal(world.callCount('unwrap'), 2);
    assert.deepEqual(world.metrics.lookups.slice(1), Array(10).fill('hit read'), 'nobody waits for the refresh');
    await settled();
    await world.timer.advance(TTL_MS * 0.8 - 1);
    await read(world, block);
    assert.equal(world.callCount('unwrap'), 2, 'the refresh counts from when it was sent');
    world.ring.close();
    assert.ok(world.kms.givenOut.every((secret) => secret.isWiped));
  });

  it('asks the KMS for every read where ttl is 0, and keeps nothing', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    const policy = { cacheTtlMs: 0, outageLimitMs: 0 };
    assert.deepEqual(await Promise.all([read(world, block, { policy }), read(world, block, { policy })]), [7, 7]);
    assert.equal(await read(world, block, { policy }), 7);
    assert.equal(world.callCount('unwrap'), 3);
    assert.equal(world.metrics.dataKeys().entries, 0);
    assert.ok(world.kms.givenOut.every((secret) => secret.isWiped));
    world.kms.script({ kind: 'unreachable' });
    await refused(read(world, block, { policy }), 'KMS_UNAVAILABLE');
  });

  it('counts time asleep: after a night in a suspended machine the key is asked for again', async () => {
    let wallMs = 1_000_000;
    const world = new World({
      clock: systemClock(
        () => 5,
        () => wallMs,
      ),
    });
    const block = await blockOf(world, MAIN);
    await read(world, block);
    wallMs += TTL_MS;
    world.kms.script({ kind: 'denied' });
    await refused(read(world, block), 'KEY_ACCESS_DENIED');
  });

  it("lets a waiter leave at its own deadline while the others get the key, and aborts the KMS's call with the last", async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    const [first, second] = [new FakeCallScope(), new FakeCallScope()];
    world.kms.script({ kind: 'hangs' });
    const waiting = [read(world, block, { scope: first }), read(world, block, { scope: second })];
    await world.kms.reached(2); // the wrap that made the block, and this unwrap
    first.passDeadline();
    await refused(waiting[0] as Promise<number>, 'DEADLINE_EXCEEDED');
    assert.equal(world.kms.running, 1);
    second.cancel();
    await refused(waiting[1] as Promise<number>, 'CANCELLED');
    await settled();
    assert.equal(world.kms.running, 0, 'nobody waits any more: the call is aborted');
    assert.equal(world.timer.pending, 0);
    assert.equal(await read(world, block), 7, 'and who comes after starts anew');
  });

  it('hands a failure of the KMS to all who wait', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    world.kms.script({ kind: 'denied' });
    const waiting = Array.from({ length: 8 }, () => read(world, block));
    await Promise.all(waiting.map((each) => refused(each, 'KEY_ACCESS_DENIED')));
    assert.equal(world.callCount('unwrap'), 1);
  });

  it('keeps nothing that was asked for before a drop, though it answers', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    world.kms.script({ kind: 'deaf' });
    const reading = read(world, block);
    await world.kms.reached(2);
    await settled();
    world.ring.dropTenant(world.tenant().id);
    world.kms.answerLate();
    assert.equal(await reading, 7);
    assert.equal(world.metrics.dataKeys().entries, 0);
    assert.ok(world.kms.givenOut.every((secret) => secret.isWiped));
  });

  it('sends a call of its own for who comes after a drop', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    world.kms.script({ kind: 'deaf' });
    const before = read(world, block);
    await world.kms.reached(2);
    await settled();
    world.ring.dropTenant(world.tenant().id);
    assert.equal(await read(world, block), 7);
    assert.equal(world.callCount('unwrap'), 2);
    world.kms.answerLate();
    assert.equal(await before, 7);
    assert.equal(world.metrics.dataKeys().entries, 1);
  });

  it('keeps nothing that answers after the daemon closed its ring', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    world.kms.script({ kind: 'deaf' });
    const reading = read(world, block);
    await world.kms.reached(2);
    await settled();
    world.ring.close();
    world.kms.answerLate();
    assert.equal(await reading, 7);
    assert.equal(world.metrics.dataKeys().entries, 0);
    assert.ok(world.kms.givenOut.every((secret) => secret.isWiped));
  });

  it("finds nothing of another tenant's: the same block and another tenant is another entry", async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    await refused(read(world, block, { tenant: 'globex' }), 'CIPHERTEXT_REJECTED');
    assert.equal(world.callCount('unwrap'), 1);
  });

  it('finds nothing of an earlier configuration: a change of the tenant zeroes its keys', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    const [acme] = [...world.tenants];
    world.configure({ ...tenantContent('acme'), keys: acme?.keys ?? [], minimumCustody: 'vendor' });
    assert.equal(world.metrics.dataKeys().entries, 0);
    assert.deepEqual(world.metrics.evictions, { reconfigured: 1 });
    await read(world, block);
    assert.equal(world.callCount('unwrap'), 2);
  });
});
