import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorReason, KeysideError } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import type { Custody } from '../../../src/core/providers.ts';
import { assertUsable, authorize, configurationFor, labelPolicy, primaryKey } from '../../../src/tenants/policy.ts';
import type { KeyConfigurationState, Tenant } from '../../../src/tenants/tenant.ts';
import { keyConfiguration, labelPolicy as policyOf, tenantContent } from '../../fakes/tenants.ts';

const piiPolicy = policyOf({ allowedCallers: new Set(['billing']), allowedPurposes: new Set(['invoice']) });

const tenant: Tenant = {
  ...tenantContent('acme', {
    keys: [keyConfiguration('old'), keyConfiguration('main', { state: 'primary' })],
    labelPolicies: new Map([['pii', piiPolicy]]),
  }),
  generation: 1,
  servedFrom: undefined,
};

function refusal(reason: ErrorReason, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof KeysideError);
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    assert.equal(error.details.tenantId, 'acme');
    return true;
  };
}

test('a declared label has its own policy, every other label the default', () => {
  assert.deepEqual(labelPolicy(tenant, 'pii'), { policy: piiPolicy, isDeclared: true });
  assert.deepEqual(labelPolicy(tenant, 'PII'), { policy: tenant.defaultPolicy, isDeclared: false });
  assert.deepEqual(labelPolicy(tenant, ''), { policy: tenant.defaultPolicy, isDeclared: false });
});

const USES = [
  { name: 'an allowed caller with an allowed purpose', label: 'pii', callerId: 'billing', purpose: 'invoice' },
  { name: 'anybody under a policy that restricts nobody', label: 'notes', callerId: 'anonymous', purpose: '' },
  {
    name: 'another caller',
    label: 'pii',
    callerId: 'web',
    purpose: 'invoice',
    denied: /"pii" of tenant acme does not allow caller web/,
  },
  { name: 'another purpose', label: 'pii', callerId: 'billing', purpose: 'ads', denied: /"pii" .* does not allow purpose "ads"/ },
  { name: 'no purpose where one is asked for', label: 'pii', callerId: 'billing', purpose: '', denied: /asks for a purpose/ },
];

for (const { name, denied, ...use } of USES) {
  test(`${denied === undefined ? 'allows' : 'denies'} ${name}`, () => {
    if (denied === undefined) assert.deepEqual(authorize({ tenant, ...use }), labelPolicy(tenant, use.label));
    else assert.throws(() => authorize({ tenant, ...use }), refusal('POLICY_DENIED', denied));
  });
}

test('an empty list of callers allows nobody', () => {
  const closed = { ...tenant, defaultPolicy: policyOf({ allowedCallers: new Set() }) };
  assert.throws(
    () => authorize({ tenant: closed, label: 'x', callerId: 'anonymous', purpose: '' }),
    refusal('POLICY_DENIED', /the default policy of tenant acme does not allow caller anonymous/),
  );
});

test('a refusal repeats no more than the start of a long purpose', () => {
  assert.throws(
    () => authorize({ tenant, label: 'pii', callerId: 'billing', purpose: 'x'.repeat(5_000) }),
    (error: unknown) => error instanceof KeysideError && error.message.length < 200,
  );
});

test('the primary key is found wherever it stands', () => {
  assert.equal(primaryKey(tenant).id, 'main');
});

test('a tenant without a primary key is NO_PRIMARY_KEY', () => {
  for (const keys of [[], [keyConfiguration('old')], [keyConfiguration('off', { state: 'disabled' })]]) {
    assert.throws(() => primaryKey({ ...tenant, keys }), refusal('NO_PRIMARY_KEY', /tenant acme has no primary key/));
  }
});

test("a configuration is found by its id, and nobody else's is", () => {
  assert.equal(configurationFor(tenant, parseKeyConfigurationId('old'))?.id, 'old');
  assert.equal(configurationFor(tenant, parseKeyConfigurationId('globex-main')), undefined);
  assert.equal(configurationFor(tenant, parseKeyConfigurationId('constructor')), undefined);
});

const KEYS: readonly { state: KeyConfigurationState; custody: Custody; minimum: Custody; reason?: ErrorReason }[] = [
  { state: 'primary', custody: 'customer', minimum: 'customer' },
  { state: 'active', custody: 'vendor', minimum: 'vendor' },
  { state: 'active', custody: 'customer', minimum: 'local' },
  { state: 'active', custody: 'vendor', minimum: 'customer', reason: 'POLICY_DENIED' },
  { state: 'primary', custody: 'local', minimum: 'vendor', reason: 'POLICY_DENIED' },
  { state: 'disabled', custody: 'customer', minimum: 'local', reason: 'KEY_DISABLED_HERE' },
  { state: 'disabled', custody: 'local', minimum: 'customer', reason: 'KEY_DISABLED_HERE' },
];

for (const { state, custody, minimum, reason } of KEYS) {
  test(`a ${state} key in ${custody} custody is ${reason ?? 'usable'} where ${minimum} custody is asked for`, () => {
    const use = () => assertUsable({ ...tenant, minimumCustody: minimum }, keyConfiguration('main', { state, custody }));
    if (reason === undefined) assert.doesNotThrow(use);
    else assert.throws(use, refusal(reason, /key main is/));
  });
}
