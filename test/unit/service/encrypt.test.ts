import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorReason } from '../../../src/core/errors.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../../fakes/tenants.ts';
import { World } from '../../fakes/world.ts';
import { decryptFor, encryptFor, rewrapFor, withWraps, wrapsOf } from './documents.ts';

const FIELDS = { ssn: '123-45-6789', name: 'Ada', empty: '' };

describe('encrypting a document', () => {
  it('gives version 1 ciphertexts, 29 bytes longer, and an EDEK with which they open', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS, context: { row: '7' }, label: 'pii' });
    assert.deepEqual([...fields.keys()], Object.keys(FIELDS));
    for (const [name, sealed] of fields) {
      assert.deepEqual([sealed[0], sealed.length], [1, FIELDS[name as keyof typeof FIELDS].length + 29]);
    }
    assert.deepEqual(await decryptFor(world, { fields, edek, context: { row: '7' }, label: 'pii' }), FIELDS);
  });

  it('gives every document an EDEK and ciphertexts of its own, though they share a lease', async () => {
    const world = new World();
    const [first, second] = [await encryptFor(world, { fields: FIELDS }), await encryptFor(world, { fields: FIELDS })];
    assert.notDeepEqual(first.edek, second.edek);
    assert.notDeepEqual(first.fields.get('ssn'), second.fields.get('ssn'));
    assert.equal(world.callCount('generate'), 1);
  });

  it('takes no field, an empty name, a name that objects have by nature, and 10,000 fields', async () => {
    const world = new World();
    const empty = await encryptFor(world, {});
    assert.equal(empty.fields.size, 0);
    assert.deepEqual(await decryptFor(world, { edek: empty.edek }), {});
    const many = Array.from({ length: 10_000 }, (_, at) => [`field ${at}`, String(at)] as const);
    const odd = [
      ['', 'no name'],
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['\u{1f511}', 'key'],
    ] as const;
    const plain = new Map([...odd, ...many].map(([name, text]) => [name, Buffer.from(text)]));
    const { fields, edek } = await encryptFor(world, { fields: plain });
    assert.equal(fields.size, plain.size);
    const opened = await decryptFor(world, { fields, edek });
    assert.deepEqual(Object.keys(opened).length, plain.size, 'the test itself loses no name');
    for (const [name, value] of plain) assert.equal(Object.getOwnPropertyDescriptor(opened, name)?.value, value.toString());
  });

  it('shares one lease among labels that nobody declared: random labels buy no KMS calls', async () => {
    const declared = new Map([['pii', labelPolicy()]]);
    const world = new World({ tenants: [tenantContent('acme', { labelPolicies: declared })] });
    for (const label of ['a', 'b', 'c', '', 'random-0.123']) await encryptFor(world, { fields: FIELDS, label });
    assert.equal(world.callCount('generate'), 1);
    for (let at = 0; at < 3; at++) await encryptFor(world, { fields: FIELDS, label: 'pii' });
    assert.equal(world.callCount('generate'), 2);
  });

  it('counts the bytes of all fields against the lease', async () => {
    const world = new World({ tenants: [tenantContent('acme', { defaultPolicy: labelPolicy({ leaseMaxBytes: 100 }) })] });
    const fields = { a: 'x'.repeat(30), b: 'x'.repeat(31) };
    for (let at = 0; at < 2; at++) await encryptFor(world, { fields });
    assert.equal(world.callCount('generate'), 2);
  });

  const refusals: { name: string; world: () => World; label?: string; scope?: FakeCallScope; reason: ErrorReason }[] = [
    {
      name: 'a tenant that there is not',
      world: () => new World({ tenants: [tenantContent('globex')] }),
      reason: 'TENANT_UNKNOWN',
    },
    {
      name: 'a tenant without a primary key',
      world: () => new World({ tenants: [tenantContent('acme', { keys: [keyConfiguration('acme-main')] })] }),
      reason: 'NO_PRIMARY_KEY',
    },
    {
      name: 'a primary key in too low custody',
      world: () =>
        new World({
          tenants: [
            tenantContent('acme', {
              keys: [keyConfiguration('acme-main', { state: 'primary', custody: 'vendor' })],
              minimumCustody: 'customer',
            }),
          ],
        }),
      reason: 'POLICY_DENIED',
    },
    {
      name: 'a caller whom the label does not allow',
      world: () =>
        new World({
          tenants: [
            tenantContent('acme', { labelPolicies: new Map([['pii', labelPolicy({ allowedCallers: new Set(['billing']) })]]) }),
          ],
        }),
      label: 'pii',
      scope: new FakeCallScope({ callerId: 'reports' }),
      reason: 'POLICY_DENIED',
    },
    {
      name: 'a request without a purpose where one is asked for',
      world: () =>
        new World({
          tenants: [tenantContent('acme', { defaultPolicy: labelPolicy({ allowedPurposes: new Set(['support']) }) })],
        }),
      reason: 'POLICY_DENIED',
    },
    { name: 'a label beyond 1,024 bytes', world: () => new World(), label: 'é'.repeat(513), reason: 'REQUEST_INVALID' },
  ];
  for (const { name, world: make, label = '', scope = new FakeCallScope(), reason } of refusals) {
    it(`refuses ${name} and asks no KMS`, async () => {
      const world = make();
      await refused(encryptFor(world, { fields: FIELDS, label, scope }), reason);
      assert.equal(world.kms.calls.length, 0);
    });
  }

  it('ends with the caller: nothing is sealed for one who is gone', async () => {
    const world = new World();
    const scope = new FakeCallScope();
    const fields = new Map(Array.from({ length: 1_000 }, (_, at) => [String(at), new Uint8Array(1)]));
    await encryptFor(world, { fields: FIELDS });
    const encrypting = encryptFor(world, { fields, scope });
    scope.cancel();
    await refused(encrypting, 'CANCELLED');
  });

  it('leaves no secret behind', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    await encryptFor(world, { fields: FIELDS, edek });
    await refused(encryptFor(world, { fields: FIELDS, edek, context: { other: 'row' } }), 'CIPHERTEXT_REJECTED');
    world.ring.close();
    secrets.assertAllWiped();
  });
});

describe('encrypting under an EDEK that exists', () => {
  it('gives version 2 ciphertexts, 41 bytes longer, the EDEK as it was, and both versions open together', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: { ssn: 'old', name: 'Ada' }, label: 'pii' });
    const added = await encryptFor(world, { fields: { ssn: 'new' }, edek, label: 'pii' });
    const sealed = added.fields.get('ssn');
    assert.deepEqual([sealed?.[0], sealed?.length], [2, 3 + 41]);
    assert.equal(added.edek, edek);
    const updated = new Map([...fields, ...added.fields]);
    assert.deepEqual(await decryptFor(world, { fields: updated, edek }), { ssn: 'new', name: 'Ada' });
  });

  it('takes the label from the EDEK where the request states none', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS, label: 'pii' });
    const { fields } = await encryptFor(world, { fields: FIELDS, edek });
    assert.deepEqual(await decryptFor(world, { fields, edek, label: 'pii' }), FIELDS);
  });

  const others: { name: string; asking: { tenant?: string; label?: string; context?: Record<string, string> } }[] = [
    { name: 'another label', asking: { label: 'public' } },
    { name: 'another context', asking: { context: { row: '8' } } },
    { name: 'another tenant', asking: { tenant: 'globex' } },
  ];
  for (const { name, asking } of others) {
    it(`seals nothing for ${name}`, async () => {
      const world = new World();
      const { edek } = await encryptFor(world, { fields: FIELDS, label: 'pii', context: { row: '7' } });
      const { message } = await refused(
        encryptFor(world, { fields: FIELDS, edek, label: 'pii', context: { row: '7' }, ...asking }),
        'CIPHERTEXT_REJECTED',
      );
      assert.equal(message, 'the ciphertext does not verify for this tenant, context and key');
    });
  }

  it('asks for a rewrap first where the EDEK is under another key than the primary one, or under more', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    const old = (await rewrapFor(world, { edek, target: 'acme-old' })).edek;
    await refused(encryptFor(world, { fields: FIELDS, edek: old }), 'POLICY_DENIED', /rewrap it first/);
    const [newer] = wrapsOf(edek);
    const [older] = wrapsOf(old);
    assert.ok(newer && older);
    const both = withWraps(edek, () => [newer, older]);
    await refused(encryptFor(world, { fields: FIELDS, edek: both }), 'POLICY_DENIED', /rewrap it first/);
    const back = await rewrapFor(world, { edek: old });
    await encryptFor(world, { fields: FIELDS, edek: back.edek });
  });

  it('refuses the header of a sealed object', async () => {
    const world = new World();
    const { edek } = await encryptFor(world, { fields: FIELDS });
    const object = Buffer.from(edek);
    object[1] = 'O'.charCodeAt(0);
    await refused(encryptFor(world, { fields: FIELDS, edek: object }), 'EDEK_MALFORMED');
  });

  it('does not go on past lease.ttl in an outage, though reading does', async () => {
    const policy = labelPolicy({ cacheTtlMs: 60_000, leaseTtlMs: 120_000, outageLimitMs: 600_000 });
    const world = new World({ tenants: [tenantContent('acme', { defaultPolicy: policy })] });
    const { fields, edek } = await encryptFor(world, { fields: { a: '1' } });
    world.kms.script(...Array(100).fill({ kind: 'unreachable' }));
    await world.timer.advance(119_999);
    await encryptFor(world, { fields: { a: '2' }, edek });
    await settled();
    await world.timer.advance(1);
    await refused(encryptFor(world, { fields: { a: '2' }, edek }), 'KMS_UNAVAILABLE');
    assert.deepEqual(await decryptFor(world, { fields, edek }), { a: '1' });
  });
});
