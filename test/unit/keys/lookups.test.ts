import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DataKeyLookup } from '../../../src/telemetry/telemetry.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { World } from '../../fakes/world.ts';
import { read } from './reading.ts';
import { write } from './writing.ts';

const READ_TTL_MS = 60_000;
const MAIN = { configuration: 'acme-main', value: 7 };

describe('how a request hears that its data key was found', () => {
  const heardBy = (lookups: DataKeyLookup[]) => (lookup: DataKeyLookup) => lookups.push(lookup);

  it('is as the metrics hear it, each request its own', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN);
    const heard = Array.from({ length: 3 }, (): DataKeyLookup[] => []);
    const reading = (at: number) => read(world, block, { onLookup: heardBy(heard[at] as DataKeyLookup[]) });
    await Promise.all([reading(0), reading(1)]);
    await reading(2);
    assert.deepEqual(heard, [['miss'], ['wait'], ['hit']]);
    assert.deepEqual(world.metrics.lookups, ['miss read', 'wait read', 'hit read']);
  });

  it('is an outage last, where the KMS was asked in vain', async () => {
    const world = new World();
    const policy = { cacheTtlMs: READ_TTL_MS, outageLimitMs: 10 * READ_TTL_MS };
    const block = await blockOf(world, MAIN);
    await read(world, block, { policy });
    await world.timer.advance(READ_TTL_MS);
    world.kms.script({ kind: 'unreachable' });
    const heard: DataKeyLookup[] = [];
    await read(world, block, { policy, onLookup: heardBy(heard) });
    await read(world, block, { policy, onLookup: heardBy(heard) });
    assert.deepEqual(heard, ['miss', 'outage', 'outage']);
  });

  it('is a miss last, where the data key in memory was not the one that the document commits to', async () => {
    const world = new World();
    const block = await blockOf(world, MAIN, { configuration: 'acme-old', value: 8 });
    const heard: DataKeyLookup[] = [];
    await read(world, block, { commitsTo: 7 });
    assert.equal(await read(world, block, { commitsTo: 8, onLookup: heardBy(heard) }), 8);
    assert.deepEqual(heard, ['hit', 'miss']);
  });

  it('is a miss for each read and each document where nothing is kept', async () => {
    const world = new World();
    const heard: DataKeyLookup[] = [];
    const block = await blockOf(world, MAIN);
    for (let at = 0; at < 2; at++) await read(world, block, { policy: { cacheTtlMs: 0 }, onLookup: heardBy(heard) });
    await write(world, { policy: { protection: 'document' }, onLookup: heardBy(heard) });
    assert.deepEqual(heard, ['miss', 'miss', 'miss']);
  });

  it('is as the metrics hear it for writes under a lease', async () => {
    const world = new World();
    const heard = Array.from({ length: 3 }, (): DataKeyLookup[] => []);
    const writing = (at: number) => write(world, { onLookup: heardBy(heard[at] as DataKeyLookup[]) });
    await Promise.all([writing(0), writing(1)]);
    await writing(2);
    assert.deepEqual(heard, [['miss'], ['wait'], ['hit']]);
  });
});
