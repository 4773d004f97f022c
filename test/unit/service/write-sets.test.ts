import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import type { EncryptedDocument } from '../../../src/service/service.ts';
import type { TenantContent } from '../../../src/tenants/directory.ts';
import type { KeyConfiguration } from '../../../src/tenants/tenant.ts';
import { refused } from '../../fakes/refused.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { decryptFor, encryptFor, rewrapFor, withWraps, wrapsOf } from './documents.ts';

const FIELDS = { ssn: '123' };

/** A tenant with these keys whose new data is wrapped in these shares; nothing stays in memory. */
function tenant(
  keys: Readonly<Record<string, Partial<KeyConfiguration>>>,
  shares: readonly (readonly string[])[],
  change: Partial<TenantContent> = {},
): TenantContent {
  return tenantContent('acme', {
    keys: Object.entries(keys).map(([id, key]) => keyConfiguration(id, key)),
    writeSet: shares.map((share) => share.map((id) => parseKeyConfigurationId(id))),
    defaultPolicy: labelPolicy({ cacheTtlMs: 0, outageLimitMs: 0 }),
    ...change,
  });
}

const alternatives = (change: Partial<TenantContent> = {}) =>
  tenant({ eu: { region: 'eu' }, us: { region: 'us' } }, [['eu', 'us']], change);
const split = (change: Partial<TenantContent> = {}) =>
  tenant({ customer: {}, vendor: { custody: 'vendor' } }, [['customer'], ['vendor']], change);

function unreachable(world: World, id: string): void {
  world.keys.alter(id, (key) => ({
    ...key,
    unwrap: () => Promise.reject(new KeysideError('KMS_UNAVAILABLE', `the KMS of key ${id} cannot be reached`)),
  }));
}

describe('a tenant with alternatives', () => {
  it('has new data wrapped under every one of them, and each opens it alone', async () => {
    for (const gone of ['eu', 'us']) {
      const world = new World({ tenants: [alternatives()] });
      const document = await encryptFor(world, { fields: FIELDS });
      assert.deepEqual(
        wrapsOf(document.edek).map(({ configurationId, share }) => [configurationId, share]),
        [
          ['eu', 0],
          ['us', 0],
        ],
      );
      unreachable(world, gone);
      assert.deepEqual(await decryptFor(world, document), FIELDS);
    }
  });

  it('reads through the one in the region of the daemon first', async () => {
    for (const region of ['eu', 'us']) {
      const world = new World({ tenants: [alternatives()], region });
      const document = await encryptFor(world, { fields: FIELDS });
      const before = world.kms.calls.length;
      await decryptFor(world, document);
      assert.deepEqual(
        world.kms.calls.slice(before).map(({ operation, key }) => [operation, key]),
        [['unwrap', region]],
      );
    }
  });

  it('is refused where the customer disabled the near one: disabled here never means try there', async () => {
    const world = new World({ tenants: [alternatives()], region: 'us' });
    const document = await encryptFor(world, { fields: FIELDS });
    world.kms.disable('us');
    const before = world.kms.calls.length;
    await refused(decryptFor(world, document), 'KEY_REVOKED');
    assert.deepEqual(
      world.kms.calls.slice(before).filter(({ key }) => key === 'eu'),
      [],
    );
  });

  it('writes nothing where one of them cannot wrap: a wrap less would be found missing when it is needed', async () => {
    const world = new World({ tenants: [alternatives()] });
    world.kms.disable('us');
    await refused(encryptFor(world, { fields: FIELDS }), 'KEY_REVOKED');
  });

  it('has documents of one key rewrapped when the set grows, with the same field ciphertexts', async () => {
    const world = new World({ tenants: [tenant({ eu: {}, us: {} }, [['eu']])] });
    const document = await encryptFor(world, { fields: FIELDS });
    world.configure(alternatives());
    await refused(encryptFor(world, { fields: FIELDS, edek: document.edek }), 'POLICY_DENIED', /rewrap it first/);
    const { edek, changed } = await rewrapFor(world, { edek: document.edek });
    assert.equal(changed, true);
    assert.equal((await rewrapFor(world, { edek })).changed, false);
    unreachable(world, 'eu');
    assert.deepEqual(await decryptFor(world, { fields: document.fields, edek }), FIELDS);
    assert.equal(wrapsOf((await encryptFor(world, { fields: FIELDS, edek })).edek).length, 2);
  });

  it('costs one unwrap, one wrap each and their proofs to rewrap a batch of one lease', async () => {
    const world = new World({ tenants: [tenant({ eu: {}, us: {} }, [['eu']], { defaultPolicy: labelPolicy() })] });
    const documents: EncryptedDocument[] = [];
    for (let count = 0; count < 20; count++) documents.push(await encryptFor(world, { fields: FIELDS }));
    world.configure(alternatives({ defaultPolicy: labelPolicy() }));
    const calls = await world.callsOf(() => Promise.all(documents.map(({ edek }) => rewrapFor(world, { edek }))));
    assert.deepEqual(calls, { unwrap: 3, wrap: 2 });
  });
});

describe('a tenant with a split key', () => {
  it('needs every share: what one of them unwraps is not the data key', async () => {
    const world = new World({ tenants: [split()] });
    const document = await encryptFor(world, { fields: FIELDS });
    assert.deepEqual(
      wrapsOf(document.edek).map(({ configurationId, share, shareCount }) => [configurationId, share, shareCount]),
      [
        ['customer', 1, 2],
        ['vendor', 2, 2],
      ],
    );
    assert.deepEqual(await decryptFor(world, document), FIELDS);
    for (const disabled of ['customer', 'vendor']) {
      world.kms.disable(disabled);
      await refused(decryptFor(world, document), 'KEY_REVOKED');
      world.kms.enable(disabled);
    }
    assert.deepEqual(await decryptFor(world, document), FIELDS);
  });

  it('rejects shares that were exchanged', async () => {
    const world = new World({ tenants: [split()] });
    const { edek, fields } = await encryptFor(world, { fields: FIELDS });
    const exchanged = withWraps(edek, (wraps) => wraps.map((wrap) => ({ ...wrap, share: 3 - wrap.share })));
    await refused(decryptFor(world, { fields, edek: exchanged }), 'CIPHERTEXT_REJECTED');
  });

  it('never falls back to fewer keys, by rewrap or by the choice of a target', async () => {
    const world = new World({ tenants: [split()] });
    const { edek } = await encryptFor(world, { fields: FIELDS });
    await refused(rewrapFor(world, { edek, target: 'customer' }), 'POLICY_DENIED', /needs 2 keys, 1 would replace/);
    world.configure(tenant({ customer: {}, vendor: { custody: 'vendor' } }, [['customer']]));
    await refused(rewrapFor(world, { edek }), 'POLICY_DENIED', /needs 2 keys, 1 would replace/);
  });

  it('is reached by rewrap from one key, and the data key stays the same', async () => {
    const world = new World({ tenants: [tenant({ customer: {}, vendor: { custody: 'vendor' } }, [['customer']])] });
    const document = await encryptFor(world, { fields: FIELDS });
    world.configure(split());
    const { edek, changed } = await rewrapFor(world, { edek: document.edek });
    assert.equal(changed, true);
    assert.deepEqual(await decryptFor(world, { fields: document.fields, edek }), FIELDS);
  });

  it('refuses data under fewer keys than the tenant demands, when reading too', async () => {
    const world = new World({ tenants: [tenant({ customer: {}, vendor: {} }, [['customer']])] });
    const document = await encryptFor(world, { fields: FIELDS });
    world.configure(split({ minimumShares: 2 }));
    await refused(decryptFor(world, document), 'POLICY_DENIED', /asks for 2 keys together, 1 would do/);
    assert.deepEqual(await decryptFor(world, await encryptFor(world, { fields: FIELDS })), FIELDS);
  });

  it('counts as held by the strongest of its shares', async () => {
    const world = new World({ tenants: [tenant({ customer: {}, vendor: { custody: 'vendor' } }, [['vendor']])] });
    const { edek } = await encryptFor(world, { fields: FIELDS });
    world.configure(split());
    const risen = await rewrapFor(world, { edek });
    world.configure(
      tenant({ customer: {}, vendor: { custody: 'vendor' }, other: { custody: 'vendor' } }, [['vendor'], ['other']]),
    );
    await refused(rewrapFor(world, { edek: risen.edek }), 'POLICY_DENIED', /customer custody, vendor custody would weaken/);
  });
});

describe('a tenant with allowed regions', () => {
  const resident = (keys: Readonly<Record<string, Partial<KeyConfiguration>>>) =>
    tenant(keys, [Object.keys(keys).slice(0, 1)], { allowedRegions: new Set(['eu', 'ch']) });
  const cases = [
    { name: 'a daemon and key inside', region: 'ch', keys: { key: { region: 'eu' } }, message: undefined },
    { name: 'a key outside', region: 'eu', keys: { key: { region: 'us' } }, message: /key key is in region us/ },
    { name: 'a key without a region', region: 'eu', keys: { key: {} }, message: /key key is in no stated region/ },
    { name: 'a daemon outside', region: 'us', keys: { key: { region: 'eu' } }, message: /this daemon is in region us/ },
    {
      name: 'a daemon without a region',
      region: undefined,
      keys: { key: { region: 'eu' } },
      message: /this daemon is in no stated region/,
    },
  ];
  for (const { name, region, keys, message } of cases) {
    it(`${message === undefined ? 'is served with' : 'is refused, before any KMS is asked, with'} ${name}`, async () => {
      const world = new World({ tenants: [resident(keys)], ...(region === undefined ? {} : { region }) });
      if (message === undefined) {
        assert.deepEqual(await decryptFor(world, await encryptFor(world, { fields: FIELDS })), FIELDS);
        return;
      }
      await refused(encryptFor(world, { fields: FIELDS }), 'POLICY_DENIED', message);
      assert.equal(world.callCount(), 0);
    });
  }

  it('has data outside refused when reading, though it is in memory', async () => {
    const free = tenant({ key: { region: 'us' } }, [['key']], { defaultPolicy: labelPolicy() });
    const world = new World({ tenants: [free], region: 'eu' });
    const document = await encryptFor(world, { fields: FIELDS });
    world.configure({ ...free, allowedRegions: new Set(['eu']) });
    const before = world.callCount();
    await refused(decryptFor(world, document), 'POLICY_DENIED', /key key is in region us/);
    assert.equal(world.callCount(), before);
  });
});
