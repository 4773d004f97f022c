import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorReason } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import type { StoredWrap } from '../../../src/envelope/key-block.ts';
import type { TenantContent } from '../../../src/tenants/directory.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { wrapOf } from '../../fakes/key-blocks.ts';
import { refused } from '../../fakes/refused.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { type Asking, decryptFor, encryptFor, headerOver, rewrapFor, withWraps } from './documents.ts';

const ONE_MESSAGE = 'the ciphertext does not verify for this tenant, context and key';

/** Every use of a stored key block goes the same way (docs/format.md, section 6). */
const USES: { name: string; use: (world: World, asking: Asking) => Promise<unknown> }[] = [
  { name: 'Decrypt', use: (world, asking) => decryptFor(world, asking) },
  { name: 'Encrypt with an EDEK', use: (world, asking) => encryptFor(world, { ...asking, fields: { a: '1' } }) },
  { name: 'Rewrap', use: (world, asking) => rewrapFor(world, asking) },
];

const one = (change: Partial<StoredWrap>) => (edek: Uint8Array) =>
  withWraps(edek, ([wrap]) => [{ ...(wrap as StoredWrap), ...change }]);
const id = parseKeyConfigurationId;

/** What acme is given to read by somebody who writes bytes as he likes. */
const FORGERIES: { name: string; tenant?: string; edek: (edek: Uint8Array) => Uint8Array }[] = [
  { name: "another tenant's EDEK", tenant: 'globex', edek: (edek) => edek },
  {
    name: "another tenant's EDEK relabelled with one's own key",
    tenant: 'globex',
    edek: one({ configurationId: id('acme-main') }),
  },
  { name: "one's own EDEK relabelled with another key of one's own", edek: one({ configurationId: id('acme-old') }) },
  { name: "one's own EDEK relabelled with another tenant's key", edek: one({ configurationId: id('globex-main') }) },
  { name: 'an unknown key', edek: one({ configurationId: id('nobodys') }) },
  { name: 'another provider', edek: one({ provider: 3 }) },
  { name: 'another algorithm', edek: one({ algorithm: 2 }) },
  { name: 'no version', edek: one({ keyVersion: '' }) },
  { name: 'a version that is an ARN', edek: one({ keyVersion: 'arn:aws:kms:eu-west-1:111122223333:key/other' }) },
  { name: 'a version that is a URL', edek: one({ keyVersion: 'https://evil.example/kms' }) },
  { name: 'a version that is a path', edek: one({ keyVersion: '../x' }) },
  { name: 'a version that is a label', edek: one({ keyVersion: 'latest' }) },
];

/** Those that name a key which may be asked: the KMS decides, once. */
const ASKED = new Set([FORGERIES[1]?.name, FORGERIES[2]?.name]);

async function edekOf(world: World, tenant = 'acme'): Promise<Uint8Array> {
  return (await encryptFor(world, { tenant, fields: { a: '1' } })).edek;
}

for (const { name: operation, use } of USES) {
  for (const temperature of ['cold', 'warm'] as const) {
    describe(`${operation} with a ${temperature} cache`, () => {
      for (const { name, tenant, edek: forge } of FORGERIES) {
        it(`rejects ${name}, with the one message`, async () => {
          const world = new World();
          const edek = await edekOf(world, tenant);
          if (temperature === 'cold') for (const each of world.tenants) world.ring.dropTenant(each.id);
          const calls = await world.callsOf(async () => {
            const { message, details } = await refused(use(world, { edek: forge(edek) }), 'CIPHERTEXT_REJECTED');
            assert.deepEqual([message, details], [ONE_MESSAGE, {}]);
          });
          assert.deepEqual(calls, ASKED.has(name) ? { unwrap: 1 } : {});
        });
      }
    });
  }

  describe(`${operation} of what is in the cache`, () => {
    const acme = (change: Partial<TenantContent>): TenantContent => ({ ...tenantContent('acme'), ...change });
    const [main, soft] = [
      keyConfiguration('acme-main', { state: 'primary', custody: 'vendor' }),
      keyConfiguration('acme-soft', { state: 'primary' }),
    ];
    const changes: { name: string; next: TenantContent; scope?: FakeCallScope; reason: ErrorReason }[] = [
      {
        name: 'its configuration was disabled',
        next: acme({ keys: [{ ...main, state: 'disabled' }, soft] }),
        reason: 'KEY_DISABLED_HERE',
      },
      { name: 'its configuration was removed', next: acme({ keys: [soft] }), reason: 'CIPHERTEXT_REJECTED' },
      {
        name: 'the minimum custody was raised above it',
        next: acme({ keys: [{ ...main, state: 'active' }, soft], minimumCustody: 'customer' }),
        reason: 'POLICY_DENIED',
      },
      {
        name: 'its label asks for a purpose now',
        next: acme({ keys: [main], labelPolicies: new Map([['', labelPolicy({ allowedPurposes: new Set(['support']) })]]) }),
        scope: new FakeCallScope({ purpose: 'marketing' }),
        reason: 'POLICY_DENIED',
      },
      {
        name: 'its label allows other callers now',
        next: acme({ keys: [main], defaultPolicy: labelPolicy({ allowedCallers: new Set(['billing']) }) }),
        scope: new FakeCallScope({ callerId: 'reports' }),
        reason: 'POLICY_DENIED',
      },
    ];
    for (const { name, next, scope = new FakeCallScope(), reason } of changes) {
      it(`ends in ${reason} where ${name}, and asks no KMS`, async () => {
        const world = new World({ tenants: [acme({ keys: [main] })] });
        const edek = await edekOf(world);
        await use(world, { edek });
        world.configure(next);
        assert.deepEqual(await world.callsOf(() => refused(use(world, { edek, scope }), reason)), {});
      });
    }

    it('is judged by the label that is stored, whatever the caller says', async () => {
      const strict = new Map([['pii', labelPolicy({ allowedPurposes: new Set(['support']) })]]);
      const world = new World({ tenants: [acme({ keys: [main], labelPolicies: strict })] });
      const support = new FakeCallScope({ purpose: 'support' });
      const { edek } = await encryptFor(world, { fields: { a: '1' }, label: 'pii', scope: support });
      await refused(use(world, { edek }), 'POLICY_DENIED');
      await refused(use(world, { edek, label: 'public' }), 'CIPHERTEXT_REJECTED');
      await use(world, { edek, scope: support });
    });

    it('is refused as unknown where the tenant is not configured any more', async () => {
      const world = new World();
      const edek = await edekOf(world);
      world.tenants.apply({ changed: [], removed: [world.tenant().id] });
      await refused(use(world, { edek }), 'TENANT_UNKNOWN');
      assert.equal(world.metrics.dataKeys().entries, 0);
    });
  });

  describe(`${operation} of alternatives`, () => {
    it('finds the data key that the header commits to, cold and warm, and leaves none of another document for it', async () => {
      const world = new World();
      const wraps = [
        await wrapOf(world, { configuration: 'acme-old', value: 1 }),
        await wrapOf(world, { configuration: 'acme-main', value: 2 }),
      ];
      const edeks = [1, 2].map((value) => headerOver(world, wraps, { value }));
      for (const edek of [...edeks, ...edeks]) {
        if (operation === 'Encrypt with an EDEK') await refused(use(world, { edek }), 'POLICY_DENIED', /rewrap it first/);
        else await use(world, { edek });
      }
      await refused(use(world, { edek: headerOver(world, wraps, { value: 3 }) }), 'CIPHERTEXT_REJECTED');
    });
  });
}

describe('what a KMS answers of another length than 32 bytes', () => {
  for (const { name: operation, use } of USES) {
    for (const bytes of [0, 31, 33]) {
      it(`is rejected by ${operation}: ${bytes} bytes`, async () => {
        const world = new World();
        const edek = await edekOf(world);
        world.ring.dropTenant(world.tenant().id);
        world.kms.script({ kind: 'garbage', bytes });
        const { message } = await refused(use(world, { edek }), 'CIPHERTEXT_REJECTED');
        assert.equal(message, ONE_MESSAGE);
      });
    }
  }
});
