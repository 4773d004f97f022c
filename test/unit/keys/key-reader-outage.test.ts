import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyBlock } from '../../../src/envelope/key-block.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import type { FakeFault } from '../../fakes/fake-kms.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { World } from '../../fakes/world.ts';
import { type Reading, read } from './reading.ts';

const TTL_MS = 60_000;
const OUTAGE_LIMIT_MS = 600_000;
const POLICY = { cacheTtlMs: TTL_MS, outageLimitMs: OUTAGE_LIMIT_MS };

/** A block that was read at time 0, and readers of it. */
async function readOnce(): Promise<{ world: World; block: KeyBlock; again(reading?: Reading): Promise<number> }> {
  const world = new World();
  const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
  assert.equal(await read(world, block, { policy: POLICY }), 7);
  return { world, block, again: (reading) => read(world, block, { policy: POLICY, ...reading }) };
}

function meets(world: World, fault: FakeFault, times = 1): void {
  world.kms.script(...Array(times).fill(fault));
}

describe('reading while the KMS cannot be reached', () => {
  const weather: { name: string; fault: FakeFault; reason: 'KMS_UNAVAILABLE' | 'KMS_THROTTLED' }[] = [
    { name: 'is unreachable', fault: { kind: 'unreachable' }, reason: 'KMS_UNAVAILABLE' },
    { name: 'throttles', fault: { kind: 'throttled' }, reason: 'KMS_THROTTLED' },
  ];
  for (const { name, fault, reason } of weather) {
    it(`goes on past ttl up to the outage limit where the KMS ${name}, and ends there`, async () => {
      const { world, again } = await readOnce();
      await world.timer.advance(TTL_MS);
      meets(world, fault, 3);
      assert.equal(await again(), 7, 'the failed call serves the old key');
      assert.equal(await again(), 7, 'and what it showed serves the next reader without a call');
      assert.equal(world.callCount('unwrap'), 2);
      await world.timer.advance(OUTAGE_LIMIT_MS - TTL_MS - 1);
      assert.equal(await again(), 7);
      await settled();
      await world.timer.advance(1);
      await refused(again(), reason);
      assert.equal(world.kms.unmet, 0);
      assert.ok(world.metrics.lookups.includes('outage read'));
    });
  }

  it('ends at ttl where no outage is allowed beyond it', async () => {
    const world = new World();
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    await read(world, block);
    await world.timer.advance(TTL_MS);
    meets(world, { kind: 'unreachable' });
    await refused(read(world, block), 'KMS_UNAVAILABLE');
  });

  it('asks the KMS about once a second while it serves, in the background, and the first answer ends the outage', async () => {
    const { world, again } = await readOnce();
    await world.timer.advance(TTL_MS);
    meets(world, { kind: 'unreachable' }, 3);
    for (let tenths = 0; tenths < 30; tenths++) {
      assert.equal(await again(), 7);
      await settled();
      await world.timer.advance(100);
    }
    assert.equal(world.callCount('unwrap'), 4);
    assert.equal(await again(), 7);
    await settled();
    assert.equal(world.callCount('unwrap'), 5, 'this one is answered');
    await world.timer.advance(TTL_MS * 0.8 - 1);
    assert.equal(await again(), 7);
    assert.equal(world.callCount('unwrap'), 5, 'proven anew: nobody asks before its time');
    assert.equal(world.metrics.lookups.at(-1), 'hit read');
  });

  it('does not take an old outage for a present one: who comes later waits for what the KMS says now', async () => {
    const { world, again } = await readOnce();
    await world.timer.advance(TTL_MS);
    meets(world, { kind: 'unreachable' });
    assert.equal(await again(), 7);
    await world.timer.advance(5_000);
    meets(world, { kind: 'deaf' });
    const waiting = [again(), again()];
    await settled();
    world.kms.disable('acme-main');
    world.kms.answerLate();
    await Promise.all(waiting.map((each) => refused(each, 'KEY_REVOKED')));
  });

  it('goes on while one attempt of an outage takes its time', async () => {
    const { world, again } = await readOnce();
    await world.timer.advance(TTL_MS);
    meets(world, { kind: 'unreachable' });
    assert.equal(await again(), 7);
    await world.timer.advance(1_000);
    meets(world, { kind: 'hangs' });
    assert.equal(await again(), 7, 'this reader starts the attempt');
    await settled();
    await world.timer.advance(2_900);
    assert.equal(await again(), 7);
    assert.equal(world.callCount('unwrap'), 3);
  });

  it('is learned even where every caller is gone before the KMS was given up', async () => {
    const { world, again } = await readOnce();
    await world.timer.advance(TTL_MS);
    meets(world, { kind: 'hangs' });
    const hasty = new FakeCallScope();
    const waiting = again({ scope: hasty });
    await settled();
    await world.timer.advance(500);
    hasty.passDeadline();
    await refused(waiting, 'DEADLINE_EXCEEDED');
    await world.timer.advance(2_500); // the guard gives the KMS 3 s
    assert.equal(await again(), 7);
    assert.equal(world.callCount('unwrap'), 2, 'the outage is known: this reader asked nobody');
  });

  it('serves nobody who encrypts beyond the time that lease policy gives', async () => {
    const { world, again } = await readOnce();
    await world.timer.advance(100_000);
    meets(world, { kind: 'unreachable' }, 2);
    assert.equal(await again({ maxAgeMs: 100_001 }), 7);
    await world.timer.advance(1);
    await refused(again({ maxAgeMs: 100_001 }), 'KMS_UNAVAILABLE');
  });

  const endings: { name: string; fault: FakeFault; reason: 'KEY_ACCESS_DENIED' | 'CIPHERTEXT_REJECTED' }[] = [
    { name: 'an unconfirmed refusal', fault: { kind: 'denied' }, reason: 'KEY_ACCESS_DENIED' },
    { name: 'bad bytes', fault: { kind: 'garbage', bytes: 31 }, reason: 'CIPHERTEXT_REJECTED' },
  ];
  for (const { name, fault, reason } of endings) {
    it(`ends for good with ${name}: weather afterwards does not bring the old key back`, async () => {
      const { world, again } = await readOnce();
      await world.timer.advance(TTL_MS);
      meets(world, { kind: 'unreachable' });
      assert.equal(await again(), 7);
      await world.timer.advance(1_000);
      meets(world, fault);
      assert.equal(await again(), 7, 'served while the KMS is asked in the background');
      await settled();
      await world.timer.advance(1_000);
      meets(world, { kind: 'unreachable' });
      await refused(again(), 'KMS_UNAVAILABLE');
      await world.timer.advance(1_000);
      meets(world, fault);
      await refused(again(), reason);
    });
  }

  it('does not hide an overload of the daemon itself behind old keys', async () => {
    const world = new World({ guardLimits: { maxConcurrent: 1, maxQueued: 0 } });
    const block = await blockOf(world, { configuration: 'acme-main', value: 7 });
    const other = await blockOf(world, { configuration: 'acme-main', value: 8 });
    await read(world, block, { policy: POLICY });
    await world.timer.advance(TTL_MS);
    meets(world, { kind: 'deaf' });
    const running = read(world, other, { policy: POLICY });
    await settled();
    await refused(read(world, block, { policy: POLICY }), 'OVERLOADED');
    world.kms.answerLate();
    assert.equal(await running, 8);
  });
});
