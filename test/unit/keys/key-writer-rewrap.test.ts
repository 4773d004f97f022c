import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyBlock } from '../../../src/envelope/key-block.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { blockOf, dataKeyOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { World } from '../../fakes/world.ts';
import { read } from './reading.ts';
import { primaryOf } from './writing.ts';

const MEMO_MS = 10_000;

interface Rewrapping {
  readonly block: KeyBlock;
  /** Every byte of its data key. */
  readonly value?: number;
  readonly scope?: FakeCallScope;
}

async function rewrap(world: World, { block, value = 5, scope = new FakeCallScope() }: Rewrapping): Promise<KeyBlock> {
  using dataKey = dataKeyOf(value);
  const request = { tenant: world.tenant(), target: [[primaryOf(world)]] as const, oldBlock: block, dataKey };
  return await world.ring.writer.rewrap(request, scope);
}

describe('rewrapping', () => {
  it('costs one wrap and its proof for all documents under one block, waiting and later ones alike', async () => {
    const world = new World();
    const old = await blockOf(world, { configuration: 'acme-old', value: 5 });
    const calls = await world.callsOf(async () => {
      const together = await Promise.all(Array.from({ length: 50 }, () => rewrap(world, { block: old })));
      const later = await rewrap(world, { block: old });
      assert.equal(new Set([...together, later]).size, 1);
      assert.equal(await read(world, later), 5);
    });
    assert.deepEqual(calls, { wrap: 1, unwrap: 1 + 1 }, 'a wrap, its proof, and the read');
  });

  it('remembers the new wraps for ten seconds from when they were asked for', async () => {
    const world = new World();
    const old = await blockOf(world, { configuration: 'acme-old', value: 5 });
    const first = await rewrap(world, { block: old });
    await world.timer.advance(MEMO_MS - 1);
    assert.equal(await rewrap(world, { block: old }), first);
    await world.timer.advance(1);
    assert.notEqual(await rewrap(world, { block: old }), first);
  });

  it('shares nothing between blocks, nor between targets', async () => {
    const world = new World();
    const blocks = [
      await blockOf(world, { configuration: 'acme-old', value: 5 }),
      await blockOf(world, { configuration: 'acme-old', value: 5 }),
    ];
    const calls = await world.callsOf(async () => {
      for (const block of blocks) await rewrap(world, { block });
      const [, configuration] = world.tenant().keys;
      assert.ok(configuration);
      using dataKey = dataKeyOf(5);
      const request = { tenant: world.tenant(), target: [[configuration]] as const, oldBlock: blocks[0] as KeyBlock, dataKey };
      const block = await world.ring.writer.rewrap(request, new FakeCallScope());
      assert.equal(block.wraps[0]?.configurationId, 'acme-old');
    });
    assert.deepEqual(calls, { wrap: 3, unwrap: 3 });
  });

  it('shares nothing where the old block has alternatives: they may hold different data keys', async () => {
    const world = new World();
    const old = await blockOf(world, { configuration: 'acme-main', value: 5 }, { configuration: 'acme-old', value: 6 });
    const [five, six] = [await rewrap(world, { block: old }), await rewrap(world, { block: old, value: 6 })];
    assert.deepEqual([await read(world, five), await read(world, six)], [5, 6]);
  });

  it('remembers nothing of a wrap that fails, that does not open, or that was dropped meanwhile', async () => {
    const world = new World();
    const old = await blockOf(world, { configuration: 'acme-old', value: 5 });
    world.kms.script({ kind: 'unreachable' });
    await refused(rewrap(world, { block: old }), 'KMS_UNAVAILABLE');
    world.kms.script({ kind: 'deaf' });
    const slow = rewrap(world, { block: old });
    await settled();
    world.ring.dropTenant(world.tenant().id);
    world.kms.answerLate();
    const dropped = await slow;
    assert.notEqual(await rewrap(world, { block: old }), dropped);
  });

  it('forgets what it remembered with the keys: on DropKeys of its tenant, and where the target is revoked', async () => {
    const world = new World();
    const old = await blockOf(world, { configuration: 'acme-old', value: 5 });
    const first = await rewrap(world, { block: old });
    world.ring.dropTenant(world.tenant('globex').id);
    assert.equal(await rewrap(world, { block: old }), first, "another tenant's drop is no matter");
    world.ring.dropTenant(world.tenant().id);
    const second = await rewrap(world, { block: old });
    assert.notEqual(second, first);
    world.kms.disable('acme-main');
    await refused(read(world, first), 'KEY_REVOKED');
    await refused(rewrap(world, { block: old }), 'KEY_REVOKED');
  });

  it('goes on for the others where the one who started it leaves, and leaves no secret behind', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World();
    const old = await blockOf(world, { configuration: 'acme-old', value: 5 });
    world.kms.script({ kind: 'deaf' });
    const starter = new FakeCallScope();
    const [left, stayed] = [rewrap(world, { block: old, scope: starter }), rewrap(world, { block: old })];
    await settled();
    starter.cancel();
    await refused(left, 'CANCELLED');
    world.kms.answerLate();
    assert.equal(await read(world, await stayed), 5);
    world.ring.close();
    secrets.assertAllWiped();
  });
});
