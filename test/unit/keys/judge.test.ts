import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorReason } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import { encodeKeyBlock, type StoredWrap } from '../../../src/envelope/key-block.ts';
import { judgeBlock } from '../../../src/keys/judge.ts';
import { refused } from '../../fakes/refused.ts';
import { keyConfiguration, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';

const GOOD: StoredWrap = {
  provider: 2,
  algorithm: 1,
  configurationId: parseKeyConfigurationId('acme-main'),
  keyVersion: '1',
  share: 0,
  shareCount: 0,
  ciphertext: Uint8Array.of(1),
};

const KEYS = [
  keyConfiguration('acme-main', { state: 'primary' }),
  keyConfiguration('acme-off', { state: 'disabled' }),
  keyConfiguration('acme-soft', { custody: 'local' }),
];

function worldOf(): World {
  return new World({ tenants: [tenantContent('acme', { keys: KEYS, minimumCustody: 'vendor' }), tenantContent('globex')] });
}

function judge(world: World, ...wraps: readonly StoredWrap[]) {
  return judgeBlock(world.tenant(), encodeKeyBlock(wraps), world.keys);
}

function of(configuration: string, change: Partial<StoredWrap> = {}): StoredWrap {
  return { ...GOOD, configurationId: parseKeyConfigurationId(configuration), ...change };
}

describe('the judge of a stored block', () => {
  it('pairs each wrap with the configuration and the key that may open it, in stored order', () => {
    const world = worldOf();
    const judged = judge(world, GOOD, { ...GOOD, keyVersion: '2' });
    const seen = judged.map(({ wrap, configuration }) => [wrap.keyVersion, configuration.id]);
    assert.deepEqual(seen, [
      ['1', 'acme-main'],
      ['2', 'acme-main'],
    ]);
    assert.equal(judged[0]?.key, world.keys.key({ id: 'acme-main' }));
  });

  const cases: { name: string; input: readonly StoredWrap[]; reason: ErrorReason }[] = [
    { name: 'an id that nobody has', input: [of('nobodys')], reason: 'CIPHERTEXT_REJECTED' },
    { name: "another tenant's id", input: [of('globex-main')], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'another provider than the configuration has', input: [{ ...GOOD, provider: 1 }], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a provider that there is not', input: [{ ...GOOD, provider: 255 }], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'an algorithm that is not accepted', input: [{ ...GOOD, algorithm: 2 }], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'an algorithm that there is not', input: [{ ...GOOD, algorithm: 0 }], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'no version', input: [{ ...GOOD, keyVersion: '' }], reason: 'CIPHERTEXT_REJECTED' },
    {
      name: 'an ARN for a version',
      input: [{ ...GOOD, keyVersion: 'arn:aws:kms:eu-west-1:1:key/2' }],
      reason: 'CIPHERTEXT_REJECTED',
    },
    {
      name: 'a URL for a version',
      input: [{ ...GOOD, keyVersion: 'https://evil.example/keys/1' }],
      reason: 'CIPHERTEXT_REJECTED',
    },
    { name: 'a path for a version', input: [{ ...GOOD, keyVersion: '../x' }], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a label for a version', input: [{ ...GOOD, keyVersion: 'latest' }], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a good wrap beside a foreign one', input: [GOOD, of('globex-main')], reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a disabled configuration', input: [of('acme-off')], reason: 'KEY_DISABLED_HERE' },
    { name: 'a good wrap beside one of a disabled configuration', input: [GOOD, of('acme-off')], reason: 'KEY_DISABLED_HERE' },
    { name: 'a configuration in too low custody', input: [of('acme-soft')], reason: 'POLICY_DENIED' },
    {
      name: 'a disabled configuration beside a foreign one: what is not the tenant’s is not told apart',
      input: [of('acme-off'), of('globex-main')],
      reason: 'CIPHERTEXT_REJECTED',
    },
  ];
  for (const { name, input, reason } of cases) {
    it(`refuses ${name} and asks no KMS`, async () => {
      const world = worldOf();
      await refused(() => judge(world, ...input), reason);
      assert.equal(world.kms.calls.length, 0);
    });
  }
});
