import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blockOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { FakeKmsWatch } from '../../fakes/kms-watch.ts';
import { refused } from '../../fakes/refused.ts';
import { World } from '../../fakes/world.ts';
import { read, readNow } from './reading.ts';
import { write, writeNow } from './writing.ts';

const READ_TTL_MS = 60_000;
const LEASE_TTL_MS = 300_000;
const MAIN = { configuration: 'acme-main', value: 7 };

function watchedWorld(): { world: World; watch: FakeKmsWatch; told(): string[] } {
  const watch = new FakeKmsWatch();
  const world = new World({ watch });
  const told = (): string[] =>
    watch.events.map(({ operation, outcome, isRefresh }) => `${isRefresh ? 'refresh by ' : ''}${operation} ${outcome}`);
  return { world, watch, told };
}

describe('what the watch over the KMSs is told by reads and writes', () => {
  it('is a refresh where a data key is proven again ahead of its end, and none where a request waits for it', async () => {
    const { world, told } = watchedWorld();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    await world.timer.advance(READ_TTL_MS * 0.9);
    assert.equal(readNow(world, block), 7);
    await settled();
    await world.timer.advance(READ_TTL_MS);
    await read(world, block);
    assert.deepEqual(told(), ['unwrap OK', 'refresh by unwrap OK', 'unwrap OK']);
  });

  it('is a refresh where a lease is renewed ahead of its end, and none where a request waits for it', async () => {
    const { world, told } = watchedWorld();
    await write(world);
    const first = told();
    await world.timer.advance(LEASE_TTL_MS * 0.9);
    assert.notEqual(writeNow(world), undefined);
    await settled();
    const second = told().slice(first.length);
    await world.timer.advance(LEASE_TTL_MS);
    await write(world);
    const third = told().slice(first.length + second.length);
    assert.deepEqual(
      [first, second, third],
      [['generate OK', 'unwrap OK'], ['refresh by generate OK'], ['generate OK']],
      'the first block of a configuration is unwrapped once',
    );
  });

  it('is nothing where the data key is in memory', async () => {
    const { world, watch } = watchedWorld();
    const block = await blockOf(world, MAIN);
    await write(world);
    await read(world, block);
    const before = watch.asked;
    await write(world);
    await read(world, block);
    assert.equal(watch.asked, before);
  });
});

describe('data keys while no record can be kept', () => {
  it('are not had from the KMS, and end at ttl: no record is no outage of the KMS', async () => {
    const { world, watch } = watchedWorld();
    const policy = { cacheTtlMs: READ_TTL_MS, outageLimitMs: 10 * READ_TTL_MS };
    const block = await blockOf(world, MAIN);
    await read(world, block, { policy });
    const calls = world.kms.calls.length;
    await world.timer.advance(READ_TTL_MS);
    watch.forbids = true;
    await refused(read(world, block, { policy }), 'AUDIT_UNAVAILABLE');
    await refused(read(world, block, { policy }), 'AUDIT_UNAVAILABLE');
    await refused(write(world), 'AUDIT_UNAVAILABLE');
    assert.equal(world.kms.calls.length, calls);
    watch.forbids = false;
    assert.equal(await read(world, block, { policy }), 7);
  });

  it('are not kept where the record of their opening failed', async () => {
    const { world, watch } = watchedWorld();
    const block = await blockOf(world, MAIN);
    watch.failsToNote = true;
    await refused(read(world, block), 'AUDIT_UNAVAILABLE');
    await refused(write(world), 'AUDIT_UNAVAILABLE');
    assert.deepEqual([world.ring.state().entries, world.ring.state().leases], [0, 0]);
  });

  it('are forgotten all the same where their KMS says that the key is revoked', async () => {
    const { world, watch } = watchedWorld();
    const block = await blockOf(world, MAIN);
    await read(world, block);
    watch.failsToNote = true;
    world.kms.disable('acme-main');
    await refused(write(world), 'KEY_REVOKED');
    assert.equal(world.ring.state().entries, 0);
  });
});
