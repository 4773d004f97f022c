import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { parseTenantId } from '../../../src/core/ids.ts';
import { TenantDirectory } from '../../../src/tenants/directory.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../../fakes/tenants.ts';

const ACME = parseTenantId('acme');

test('a tenant that is not configured is TENANT_UNKNOWN, naming it', () => {
  assert.throws(
    () => new TenantDirectory().get(ACME),
    (error: unknown) =>
      error instanceof KeysideError &&
      error.reason === 'TENANT_UNKNOWN' &&
      error.message === 'no tenant acme is configured' &&
      error.details.tenantId === 'acme',
  );
});

test('a tenant of equal content keeps its snapshot and its generation, and nobody is told', () => {
  const directory = new TenantDirectory();
  const content = () =>
    tenantContent('acme', {
      defaultPolicy: labelPolicy({ allowedCallers: new Set(['billing']) }),
      labelPolicies: new Map([['pii', labelPolicy({ protection: 'document' })]]),
    });
  directory.apply({ changed: [content()], removed: [] });
  const before = directory.get(ACME);
  let told = 0;
  directory.onChange(() => {
    told += 1;
  });
  directory.apply({ changed: [content()], removed: [] });
  assert.equal(directory.get(ACME), before);
  assert.equal(told, 0);
});

const CHANGES = [
  { name: 'a key', change: { keys: [keyConfiguration('acme-main', { state: 'disabled' })] } },
  { name: 'the order of keys', change: { keys: [keyConfiguration('b'), keyConfiguration('acme-main', { state: 'primary' })] } },
  { name: 'the default policy', change: { defaultPolicy: labelPolicy({ cacheTtlMs: 0 }) } },
  { name: 'the allowed callers', change: { defaultPolicy: labelPolicy({ allowedCallers: new Set(['b']) }) } },
  { name: 'a label', change: { labelPolicies: new Map([['pii', labelPolicy()]]) } },
  { name: 'a sink', change: { auditSinks: [{ name: 'siem', kind: 'stdout', events: undefined, settings: {} }] } },
  { name: 'the minimum custody', change: { minimumCustody: 'customer' } },
] as const;

for (const { name, change } of CHANGES) {
  test(`a change of ${name} gives the tenant a new generation`, () => {
    const directory = new TenantDirectory();
    directory.apply({ changed: [tenantContent('acme')], removed: [] });
    const before = directory.get(ACME);
    directory.apply({ changed: [tenantContent('acme', change)], removed: [] });
    assert.ok(directory.get(ACME).generation > before.generation);
  });
}

test('no two snapshots of the process share a generation, over directories and removals', () => {
  const [one, other] = [new TenantDirectory(), new TenantDirectory()];
  const generations = new Set<number>();
  for (const directory of [one, other, one]) {
    directory.apply({ changed: [tenantContent('acme')], removed: [] });
    generations.add(directory.get(ACME).generation);
    directory.apply({ changed: [], removed: [ACME] });
  }
  assert.equal(generations.size, 3);
});

test('listeners are told of each addition, change and removal with the snapshots before and after', () => {
  const directory = new TenantDirectory();
  const told: string[] = [];
  const stop = directory.onChange((id, previous, next) => {
    told.push(`${id} ${previous?.minimumCustody} ${next?.minimumCustody}`);
  });
  directory.apply({ changed: [tenantContent('acme')], removed: [] });
  directory.apply({ changed: [tenantContent('acme', { minimumCustody: 'vendor' })], removed: [] });
  directory.apply({ changed: [], removed: [ACME, parseTenantId('never-there')] });
  stop();
  directory.apply({ changed: [tenantContent('acme')], removed: [] });
  assert.deepEqual(told, ['acme undefined local', 'acme local vendor', 'acme vendor undefined']);
});

test('a listener that throws keeps no change and no other listener back', () => {
  const directory = new TenantDirectory();
  let told = 0;
  directory.onChange(() => {
    throw new Error('broken listener');
  });
  directory.onChange(() => {
    told += 1;
  });
  assert.throws(
    () => directory.apply({ changed: [tenantContent('acme'), tenantContent('globex')], removed: [] }),
    AggregateError,
  );
  assert.equal(directory.size, 2);
  assert.equal(told, 2);
});

test('a snapshot cannot be changed', () => {
  const directory = new TenantDirectory();
  directory.apply({ changed: [tenantContent('acme')], removed: [] });
  assert.throws(() => Object.assign(directory.get(ACME), { minimumCustody: 'customer' }), TypeError);
});

test('a tenant may be called like a property of every object', () => {
  const directory = new TenantDirectory();
  const id = parseTenantId('constructor');
  assert.throws(() => directory.get(id), KeysideError);
  directory.apply({ changed: [tenantContent('constructor')], removed: [] });
  assert.equal(directory.get(id).id, 'constructor');
  assert.deepEqual(
    [...directory].map((tenant) => tenant.id),
    ['constructor'],
  );
});

test('a changed tenant keeps the parts of its snapshot that stay equal, as the objects they were', () => {
  const directory = new TenantDirectory();
  const content = (vendor: string) =>
    tenantContent('acme', {
      keys: [keyConfiguration('acme-main', { state: 'primary' }), keyConfiguration(vendor)],
      labelPolicies: new Map([['pii', labelPolicy({ protection: 'document' })]]),
      auditSinks: [{ name: 'siem', kind: 'stdout', events: undefined, settings: {} }],
    });
  directory.apply({ changed: [content('v1')], removed: [] });
  const before = directory.get(ACME);
  directory.apply({ changed: [content('v2')], removed: [] });
  const after = directory.get(ACME);
  assert.notEqual(after, before);
  assert.equal(after.keys[0], before.keys[0]);
  assert.deepEqual(after.keys[1], keyConfiguration('v2'));
  assert.equal(after.defaultPolicy, before.defaultPolicy);
  assert.equal(after.labelPolicies, before.labelPolicies);
  assert.equal(after.auditSinks, before.auditSinks);
});
