import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { BlockWriter } from '../../../src/keys/block-writer.ts';
import type { OpenedBy } from '../../../src/keys/held-keys.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { dataKeyOf } from '../../fakes/key-blocks.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { World } from '../../fakes/world.ts';
import { primaryOf } from './writing.ts';

function setUp() {
  const world = new World();
  const failures: { error: unknown; by: OpenedBy }[] = [];
  const onFailure = (error: unknown, by: OpenedBy): unknown => failures.push({ error, by });
  const writer = new BlockWriter({ keys: world.keys, clock: world.timer, onFailure });
  const target = (tenant = 'acme') => ({ tenant: world.tenant(tenant), target: [[primaryOf(world, tenant)]] as const });
  /** The KMS unwraps what it wrapped to something else. */
  const lies = (): void => world.keys.alter('acme-main', (key) => ({ ...key, unwrap: async () => dataKeyOf(0) }));
  return { world, writer, target, failures, lies, scope: new FakeCallScope() };
}

describe('a key block that is written', () => {
  it('names the configuration, its provider, and the version under which it was wrapped', async () => {
    const { world, writer, target, scope } = setUp();
    world.kms.rotate('acme-main');
    const { keyBlock, openedBy, dataKey } = await writer.generate(target(), scope);
    dataKey.wipe();
    const { ciphertext: _, ...rest } = keyBlock.wraps[0] ?? assert.fail('there is a wrap');
    const want = { provider: 2, algorithm: 1, configurationId: 'acme-main', keyVersion: '2', share: 0, shareCount: 0 };
    assert.deepEqual(rest, want);
    assert.equal(keyBlock.wraps.length, 1);
    assert.deepEqual(openedBy, [{ configurationId: 'acme-main', keyVersion: '2' }]);
  });

  it("is opened once before a configuration's first block leaves, and not again while the configuration stays", async () => {
    const { world, writer, target, scope } = setUp();
    for (let at = 0; at < 3; at++) (await writer.generate(target(), scope)).dataKey.wipe();
    assert.deepEqual([world.callCount('generate'), world.callCount('unwrap')], [3, 1]);
    (await writer.generate(target('globex'), scope)).dataKey.wipe();
    assert.equal(world.callCount('unwrap'), 2, 'another configuration is proven by itself');
    const configuration = { ...primaryOf(world), fingerprint: 'other settings' };
    (await writer.generate({ tenant: world.tenant(), target: [[configuration]] }, scope)).dataKey.wipe();
    assert.equal(world.callCount('unwrap'), 3, 'and so is the same one with other settings');
  });

  it('is opened each time where anyone can wrap for the key', async () => {
    const { world, writer, target, scope } = setUp();
    world.keys.alter('acme-main', (key) => ({ ...key, provenByWrap: false }));
    for (let at = 0; at < 3; at++) (await writer.generate(target(), scope)).dataKey.wipe();
    assert.deepEqual([world.callCount('generate'), world.callCount('unwrap')], [3, 3]);
  });

  it('counts as proven from sending the wrap, or from sending the unwrap where that is the proof', async () => {
    const { world, writer, target, scope } = setUp();
    await world.timer.advance(1_000);
    const first = await writer.generate(target(), scope);
    await world.timer.advance(1_000);
    const second = await writer.generate(target(), scope);
    assert.deepEqual([first.provenAtMs, second.provenAtMs], [1_000, 2_000]);
    for (const { dataKey } of [first, second]) dataKey.wipe();
  });

  it('does not leave where the KMS does not unwrap what it wrapped: nothing is returned, the data key is wiped', async (t) => {
    const secrets = new SecretWatch(t);
    const { writer, target, failures, lies, scope } = setUp();
    lies();
    const error = await refused(writer.generate(target(), scope), 'KEY_MISCONFIGURED', /does not unwrap what it wrapped/);
    assert.deepEqual(error.details, { tenantId: 'acme', keyId: 'acme-main' });
    assert.deepEqual(
      failures.map(({ by }) => by),
      [{ configurationId: 'acme-main', keyVersion: '1' }],
    );
    secrets.assertAllWiped();
    await refused(writer.generate(target(), scope), 'KEY_MISCONFIGURED');
  });

  it('does not leave where the proof fails, and is proven the next time', async (t) => {
    const secrets = new SecretWatch(t);
    const { world, writer, target, scope } = setUp();
    let refuses = true;
    world.keys.alter('acme-main', (key) => ({
      ...key,
      unwrap: async (request, signal) => {
        if (refuses) throw new KeysideError('KEY_ACCESS_DENIED', 'wrapping is allowed, unwrapping is not');
        return key.unwrap(request, signal);
      },
    }));
    await refused(writer.generate(target(), scope), 'KEY_ACCESS_DENIED');
    secrets.assertAllWiped();
    refuses = false;
    (await writer.generate(target(), scope)).dataKey.wipe();
    assert.equal(world.callCount('unwrap'), 1);
  });

  it('wraps a known data key anew, opens each new wrap once, and leaves the data key its owner', async (t) => {
    const secrets = new SecretWatch(t);
    const { world, writer, target, scope } = setUp();
    const dataKey = dataKeyOf(9);
    const block = await writer.wrap(target(), dataKey, scope);
    await writer.wrap(target(), dataKey, scope);
    assert.deepEqual([world.callCount('wrap'), world.callCount('unwrap')], [2, 2]);
    assert.equal(block.wraps[0]?.configurationId, 'acme-main');
    assert.ok(!dataKey.isWiped);
    dataKey.wipe();
    secrets.assertAllWiped();
  });

  it('does not leave with a wrap that opens to something else, or not at all', async () => {
    const { world, writer, target, lies, failures, scope } = setUp();
    using dataKey = dataKeyOf(9);
    lies();
    await refused(writer.wrap(target(), dataKey, scope), 'KEY_MISCONFIGURED');
    world.keys.alter('acme-main', (key) => ({
      ...key,
      wrap: async (request, signal) => {
        const wrapped = await key.wrap(request, signal);
        wrapped.ciphertext.fill(0, -8);
        return wrapped;
      },
    }));
    await refused(writer.wrap(target(), dataKey, scope), 'CIPHERTEXT_REJECTED');
    assert.equal(failures.length, 2);
    assert.ok(!dataKey.isWiped);
  });

  it('tells of every failure, with the version where it is known', async () => {
    const { world, writer, target, failures, scope } = setUp();
    world.kms.disable('acme-main');
    const error = await refused(writer.generate(target(), scope), 'KEY_REVOKED');
    assert.deepEqual(
      failures.map(({ by }) => by),
      [{ configurationId: 'acme-main', keyVersion: '' }],
    );
    assert.deepEqual(error.details, { tenantId: 'acme', keyId: 'acme-main', scope: 'key' });
  });
});
