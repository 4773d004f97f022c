import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorReason, KeysideError } from '../../../src/core/errors.ts';
import { encodeKeyBlock, type KeyBlock } from '../../../src/envelope/key-block.ts';
import type { KmsKey } from '../../../src/kms/kms.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { blockOf, type WrapChoice, wrapOf } from '../../fakes/key-blocks.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { keyConfiguration, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { type Reading, read } from './reading.ts';

const IDS = ['one', 'two', 'three', 'four'] as const;

function worldOf(): World {
  return new World({ tenants: [tenantContent('acme', { keys: IDS.map((id) => keyConfiguration(id)) })] });
}

/** From now on the KMS of this configuration answers to unwraps with this error. */
function failing(world: World, id: string, reason: ErrorReason): void {
  world.keys.alter(id, (key) => ({
    ...key,
    unwrap: async () => {
      await settled();
      throw new KeysideError(reason, `the fake says ${reason}`);
    },
  }));
}

/** Counts the unwraps of each configuration from now on. */
function counting(world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const id of IDS) {
    const counted = (key: KmsKey): KmsKey => ({
      ...key,
      unwrap: (request, signal) => {
        counts[id] = (counts[id] ?? 0) + 1;
        return key.unwrap(request, signal);
      },
    });
    world.keys.alter(id, counted);
  }
  return counts;
}

const alternatives = (...values: readonly number[]): WrapChoice[] =>
  values.map((value, at) => ({ configuration: IDS[at] as string, value }));

const sharesOf = (...values: readonly number[]): WrapChoice[] =>
  values.map((value, at) => ({ configuration: IDS[at] as string, value, share: at + 1, shareCount: values.length }));

describe('alternatives', () => {
  it('ask the first KMS alone where it answers', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 7, 7));
    const counts = counting(world);
    assert.equal(await read(world, block), 7);
    assert.deepEqual(counts, { one: 1 });
  });

  const moves: { name: string; reason: ErrorReason }[] = [
    { name: 'unreachable', reason: 'KMS_UNAVAILABLE' },
    { name: 'slow', reason: 'KMS_TIMEOUT' },
    { name: 'throttled', reason: 'KMS_THROTTLED' },
    { name: 'given bad ciphertext', reason: 'CIPHERTEXT_REJECTED' },
  ];
  for (const { name, reason } of moves) {
    it(`pass over a KMS that is ${name}`, async () => {
      const world = worldOf();
      const block = await blockOf(world, ...alternatives(7, 7));
      failing(world, 'one', reason);
      assert.equal(await read(world, block), 7);
    });
  }

  const ends: ErrorReason[] = ['KEY_REVOKED', 'KEY_ACCESS_DENIED', 'KEY_NOT_FOUND', 'KEY_MISCONFIGURED', 'OVERLOADED'];
  for (const reason of ends) {
    it(`end with ${reason} of the first one: the others are not asked`, async () => {
      const world = worldOf();
      const block = await blockOf(world, ...alternatives(7, 7));
      const counts = counting(world);
      failing(world, 'one', reason);
      await refused(read(world, block), reason);
      assert.deepEqual(counts, {});
    });
  }

  it('ask the next KMS beside one that has not answered for a second, and take the first answer', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 7));
    world.kms.script({ kind: 'hangs' });
    const reading = read(world, block);
    await world.timer.advance(999);
    assert.equal(world.callCount('unwrap'), 1);
    await world.timer.advance(1);
    assert.equal(await reading, 7);
    assert.equal(world.kms.calls.at(-1)?.key, 'two');
  });

  it('take a refusal that comes while the next KMS is asked for a refusal', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 7));
    world.kms.script({ kind: 'deaf' }, { kind: 'hangs' });
    const outcome = refused(read(world, block), 'KEY_REVOKED');
    await world.timer.advance(1_000);
    world.kms.disable('one');
    world.kms.answerLate();
    await outcome;
  });

  it('leave no secret behind where both answer', async (t) => {
    const secrets = new SecretWatch(t);
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 7));
    world.kms.script({ kind: 'deaf' });
    const reading = read(world, block);
    await world.timer.advance(1_000);
    assert.equal(await reading, 7);
    world.kms.answerLate();
    await settled();
    world.ring.close();
    secrets.assertAllWiped();
  });

  it('end in weather where one of them could not be tried: it may have been the right one', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 7));
    failing(world, 'one', 'KMS_UNAVAILABLE');
    failing(world, 'two', 'CIPHERTEXT_REJECTED');
    await refused(read(world, block), 'KMS_UNAVAILABLE');
  });

  it('end in CIPHERTEXT_REJECTED where each of them was tried, and leave no secret behind', async (t) => {
    const secrets = new SecretWatch(t);
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 8));
    await refused(read(world, block, { commitsTo: 9 }), 'CIPHERTEXT_REJECTED');
    assert.equal(await read(world, block, { commitsTo: 8 }), 8);
    world.ring.close();
    secrets.assertAllWiped();
  });

  for (const commitsTo of [7, 8]) {
    it(`with different data keys yield the one that the document commits to, cold and warm: ${commitsTo}`, async () => {
      const world = worldOf();
      const block = await blockOf(world, ...alternatives(7, 8));
      assert.equal(await read(world, block, { commitsTo }), commitsTo);
      assert.equal(await read(world, block, { commitsTo }), commitsTo, 'from a cache that holds one of them');
      assert.equal(await read(world, block, { commitsTo: 15 - commitsTo }), 15 - commitsTo);
    });
  }

  it('are tried once each, and in at most 16 combinations', async () => {
    const world = worldOf();
    // Two shares of five and four alternatives: twenty combinations, the last of which would verify.
    const versions = 5;
    const choices: WrapChoice[] = [];
    for (let version = 1; version <= versions; version++) {
      choices.push({ configuration: 'one', value: version, share: 1, shareCount: 2 });
      if (version < versions) choices.push({ configuration: 'two', value: version << 4, share: 2, shareCount: 2 });
    }
    const block = await inVersions(world, choices);
    const counts = counting(world);
    const seen = new Set<number>();
    const wanted = (value: number): Reading => ({ commitsTo: value });
    for (const value of [0x11, 0x25, 0x41]) {
      assert.equal(await read(world, block, wanted(value)), value);
      seen.add(value);
    }
    await refused(read(world, block, wanted(0x45)), 'CIPHERTEXT_REJECTED');
    assert.ok((counts.one ?? 0) <= 5 * 5 && (counts.two ?? 0) <= 4 * 5, `${JSON.stringify(counts)} calls`);
  });

  it('stop where the call ends while the first one is asked', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...alternatives(7, 7));
    const scope = new FakeCallScope();
    const calls = world.kms.calls.length;
    world.kms.script({ kind: 'hangs' });
    const reading = read(world, block, { scope });
    await settled();
    scope.cancel();
    await refused(reading, 'CANCELLED');
    await settled();
    assert.equal(world.kms.calls.length, calls + 1);
  });
});

describe('shares', () => {
  it('join by XOR, each opened once', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...sharesOf(0x0f, 0x35, 0x11));
    const counts = counting(world);
    assert.equal(await read(world, block), 0x0f ^ 0x35 ^ 0x11);
    assert.deepEqual(counts, { one: 1, two: 1, three: 1 });
  });

  it('open only with the numbers they were wrapped under', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...sharesOf(0x0f, 0x35));
    const [first, second] = block.wraps;
    assert.ok(first && second);
    const exchanged = encodeKeyBlock([
      { ...first, share: 2 },
      { ...second, share: 1 },
    ]);
    await refused(read(world, exchanged), 'CIPHERTEXT_REJECTED');
  });

  const refusals: ErrorReason[] = ['KEY_REVOKED', 'KEY_ACCESS_DENIED', 'KMS_UNAVAILABLE', 'CIPHERTEXT_REJECTED'];
  for (const reason of refusals) {
    it(`are all needed: ${reason} of one ends the read, and the other's secret is wiped though it comes later`, async (t) => {
      const secrets = new SecretWatch(t);
      const world = worldOf();
      const block = await blockOf(world, ...sharesOf(0x0f, 0x35));
      failing(world, 'two', reason);
      world.kms.script({ kind: 'deaf' }); // the first share's KMS takes its time
      const reading = read(world, block);
      await refused(reading, reason);
      world.kms.answerLate();
      await settled();
      await settled();
      secrets.assertAllWiped();
      assert.equal(world.metrics.dataKeys().entries, 0);
    });
  }

  it('go with the revocation of either custodian', async () => {
    const world = worldOf();
    const block = await blockOf(world, ...sharesOf(0x0f, 0x35));
    for (const id of ['one', 'two'] as const) {
      await read(world, block);
      assert.equal(world.metrics.dataKeys().entries, 1);
      world.ring.learn(new KeysideError('KEY_REVOKED', 'disabled', { details: { scope: 'key' } }), {
        configurationId: keyConfiguration(id).id,
        keyVersion: '1',
      });
      assert.equal(world.metrics.dataKeys().entries, 0);
    }
  });

  it('may each have alternatives, of which weather passes over one without asking the other share again', async () => {
    const world = worldOf();
    const block = await blockOf(
      world,
      { configuration: 'one', value: 0x0f, share: 1, shareCount: 2 },
      { configuration: 'two', value: 0x0f, share: 1, shareCount: 2 },
      { configuration: 'three', value: 0x35, share: 2, shareCount: 2 },
    );
    const counts = counting(world);
    failing(world, 'one', 'KMS_THROTTLED');
    assert.equal(await read(world, block), 0x0f ^ 0x35);
    assert.deepEqual(counts, { two: 1, three: 1 });
  });
});

/** A block of which each wrap of one configuration is under another version of its key. */
async function inVersions(world: World, choices: readonly WrapChoice[]): Promise<KeyBlock> {
  const wraps = [];
  for (const choice of choices) {
    wraps.push(await wrapOf(world, choice));
    world.kms.rotate(choice.configuration);
  }
  return encodeKeyBlock(wraps);
}
