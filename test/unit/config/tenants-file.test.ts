import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderFaults } from '../../../src/config/fault.ts';
import { CONFIGURED_PROVIDERS } from '../../../src/config/provider-settings.ts';
import { parseTenantsFile, type TenantsFile } from '../../../src/config/tenants-file.ts';

const FILE = '/etc/keyside/tenants/x.yaml';

function parsed(text: string): TenantsFile {
  const result = parseTenantsFile(text, FILE);
  if ('faults' in result) assert.fail(renderFaults(result.faults));
  return result.parsed;
}

/** Without the name of the file. */
function faultsOf(text: string): string[] {
  const result = parseTenantsFile(text, FILE);
  if (!('faults' in result)) assert.fail('the file has no fault');
  return renderFaults(result.faults)
    .split('\n')
    .map((line) => line.replace(`${FILE}:`, ''));
}

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-1234567890ab';
const key = (id: string, more = ''): string => `{id: ${id}, provider: local, local: {storeFile: k}${more}}`;
const keys = (list: string): string => `tenants: {acme: {keys: [${list}]}}`;
const policy = (entries: string): string => `tenants: {acme: {policy: {${entries}}}}`;

test('ten faults and more in one file are reported together, each with its line', () => {
  const text = `tenants:
  acme:
    keys:
      - id: acme-2026
        provider: aws
        state: primry
        aws: { keyId: ${ARN}, regoin: x }
      - id: acme-2026
        provider: local
        aws: { keyId: ${ARN} }
      - provider: abacus
        state: primary
      - { id: z, provider: local, local: { storeFile: 3 }, state: primary }
    minimumCustody: none
    policy:
      default:
        lease: { ttl: 2h, maxDocuments: 0 }
        cache: { ttl: 60, outageLimit: 10s }
      labels:
        pii: { protection: never, cache: { ttl: 90s, outageLimit: 60s } }
  "bad id": {}
  globex:
  acme: {}
vendor: { keys: [{ id: v, provider: aws, custody: customer, aws: { keyId: ${ARN} } }] }
tenant: 1
`;
  assert.deepEqual(faultsOf(text), [
    '6:16: tenants.acme.keys[0].state: must be primary, active or disabled',
    '7:103: tenants.acme.keys[0].aws.regoin: is not a known key',
    '8:9: tenants.acme.keys[1].local: is missing',
    '8:13: tenants.acme.keys[1].id: is the id of another key in this file',
    '10:9: tenants.acme.keys[1].aws: does not belong to a key of provider local',
    '11:9: tenants.acme.keys[2].id: is missing',
    `11:19: tenants.acme.keys[2].provider: must be ${CONFIGURED_PROVIDERS.slice(0, -1).join(', ')} or ${CONFIGURED_PROVIDERS.at(-1)}`,
    '13:55: tenants.acme.keys[3].local.storeFile: must be a text, not a number',
    '13:67: tenants.acme.keys[3].state: makes a second primary key beside keys[2]',
    '14:21: tenants.acme.minimumCustody: must be customer, vendor or local',
    '17:23: tenants.acme.policy.default.lease.ttl: must be from 1ms to 1h',
    '17:41: tenants.acme.policy.default.lease.maxDocuments: must be at least 1',
    '18:23: tenants.acme.policy.default.cache.ttl: must be a whole number with a unit, such as 250ms, 60s, 5m, 1h or 7d',
    '18:40: tenants.acme.policy.default.cache.outageLimit: must be at least the ttl of 1m',
    '20:28: tenants.acme.policy.labels.pii.protection: must be lease or document',
    '20:67: tenants.acme.policy.labels.pii.cache.outageLimit: must be at least the ttl of 90s',
    '21:3: tenants["bad id"]: must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -',
    '22:3: tenants.globex: must be a mapping, not nothing',
    '23:3: tenants.acme: is given twice',
    "24:51: vendor.keys[0].custody: must be vendor or local: the vendor's key is in no customer's custody",
    '25:1: tenant: is not a known key',
  ]);
});

const BAD: readonly { name: string; text: string; fault: RegExp }[] = [
  { name: 'a text in place of the file', text: 'tenants', fault: /^1:1: must be a mapping, not a text$/ },
  { name: 'a list in place of the file', text: '- tenants', fault: /^1:1: must be a mapping, not a list$/ },
  { name: 'a list of tenants', text: 'tenants: [acme]', fault: /tenants: must be a mapping, not a list/ },
  {
    name: 'a tenant called __proto__',
    text: 'tenants: {__proto__: {}}',
    fault: /^1:11: tenants.__proto__: is not allowed as a key$/,
  },
  {
    name: 'an entry named like a property of every object',
    text: 'tenants: {a: {toString: 1}}',
    fault: /a.toString: is not a known key/,
  },
  { name: 'a tenant id of 129 characters', text: `tenants: {${'a'.repeat(129)}: {}}`, fault: /must be 1 to 128 characters/ },
  { name: 'a key id with a slash', text: keys(key('a/b')), fault: /keys\[0\].id: must be 1 to 128 characters/ },
  { name: 'a number as key id', text: keys(key('7')), fault: /keys\[0\].id: must be a text, not a number/ },
  { name: 'a key without settings', text: keys('{id: a, provider: aws}'), fault: /keys\[0\].aws: is missing/ },
  {
    name: 'an empty path',
    text: keys("{id: a, provider: local, local: {storeFile: ''}}"),
    fault: /storeFile: must not be empty/,
  },
  {
    name: 'two primary keys',
    text: keys(`${key('a', ', state: primary')}, ${key('b', ', state: primary')}`),
    fault: /second primary key beside keys\[0\]/,
  },
  {
    name: 'one key id in two tenants',
    text: `tenants: {a: {keys: [${key('k')}]}, b: {keys: [${key('k')}]}}`,
    fault: /b.keys\[0\].id: is the id of another key/,
  },
  {
    name: 'one key id in a tenant and the vendor section',
    text: `tenants: {a: {keys: [${key('k')}]}}\nvendor: {keys: [${key('k')}]}`,
    fault: /^2:\d+: vendor.keys\[0\].id: is the id of another key/,
  },
  { name: 'a vendor section without keys', text: 'vendor: {}', fault: /vendor.keys: is missing/ },
  { name: 'a lease of more than an hour', text: policy('default: {lease: {ttl: 61m}}'), fault: /must be from 1ms to 1h/ },
  { name: 'a lease of no time', text: policy('default: {lease: {ttl: 0s}}'), fault: /must be from 1ms to 1h/ },
  {
    name: 'a lease of 2^32 + 1 documents',
    text: policy('default: {lease: {maxDocuments: 4294967297}}'),
    fault: /must be at most 4294967296/,
  },
  {
    name: 'half a document',
    text: policy('default: {lease: {maxDocuments: 1.5}}'),
    fault: /must be a whole number, not a fraction/,
  },
  {
    name: 'a size in decimal units',
    text: policy('default: {lease: {maxBytes: 64GB}}'),
    fault: /maxBytes: must be a whole number of bytes, or one with a unit/,
  },
  { name: 'a cache of more than an hour', text: policy('default: {cache: {ttl: 2h}}'), fault: /must be from 0s to 1h/ },
  { name: 'an outage of more than a day', text: policy('default: {cache: {outageLimit: 25h}}'), fault: /must be from 0s to 1d/ },
  {
    name: 'an outage shorter than the built-in ttl',
    text: policy('default: {cache: {outageLimit: 59s}}'),
    fault: /must be at least the ttl of 1m/,
  },
  {
    name: "a label's outage shorter than the default's ttl",
    text: policy('default: {cache: {ttl: 2m}}, labels: {a: {cache: {outageLimit: 90s}}}'),
    fault: /labels.a.cache.outageLimit: must be at least the ttl of 2m/,
  },
  {
    name: 'the same in the policy of the deployment',
    text: 'policy: {default: {cache: {ttl: 2m, outageLimit: 90s}}}',
    fault: /^1:\d+: policy.default.cache.outageLimit: must be at least/,
  },
  {
    name: 'a label of 1,025 bytes',
    text: policy(`labels: {${'ä'.repeat(512)}x: {}}`),
    fault: /must be at most 1024 bytes of UTF-8/,
  },
  {
    name: '1,001 labels',
    text: policy(`labels: {${Array.from({ length: 1_001 }, (_, at) => `l${at}: {}`).join(', ')}}`),
    fault: /declares more than 1000 labels/,
  },
  {
    name: 'one caller in place of a list',
    text: policy('default: {allowedCallers: billing}'),
    fault: /must be a list, not a text/,
  },
  {
    name: 'a purpose that is empty',
    text: policy("default: {allowedPurposes: ['']}"),
    fault: /allowedPurposes\[0\]: must not be empty/,
  },
  {
    name: 'credentials of no known kind',
    text: keys(`{id: a, provider: aws, aws: {keyId: '${ARN}', credentials: {source: magic}}}`),
    fault: /credentials.source: must be ambient, /,
  },
  { name: 'an entry without its value', text: 'tenants: {acme: {keys: }}', fault: /acme.keys: must be a list, not nothing/ },
];

for (const { name, text, fault } of BAD) {
  test(`refuses ${name}`, () => {
    const faults = faultsOf(text);
    assert.equal(faults.length, 1, faults.join('\n'));
    assert.match(faults[0] as string, fault);
  });
}

test('no fault repeats a value', () => {
  const text = `tenants:
  acme:
    keys: [{id: hunter2!, provider: hunter2, state: hunter2, custody: hunter2, local: {storeFile: [hunter2]}}]
    minimumCustody: hunter2
    policy: {default: {protection: hunter2, cache: {ttl: hunter2}, lease: {maxBytes: hunter2, maxDocuments: hunter2}}}
`;
  const faults = faultsOf(text);
  assert.equal(faults.length, 10);
  assert.doesNotMatch(faults.join('\n'), /hunter2/);
});

test('a key of a tenant and one of the vendor have the custody of their place, a local one is local', () => {
  const text = `tenants:
  acme:
    keys:
      - {id: a, provider: aws, aws: {keyId: '${ARN}'}}
      - ${key('b')}
      - {id: c, provider: aws, custody: vendor, aws: {keyId: '${ARN}'}}
vendor:
  keys:
    - {id: d, provider: aws, aws: {keyId: '${ARN}'}}
    - ${key('e')}
`;
  const { tenants, vendorKeys } = parsed(text);
  const all = [...(tenants[0]?.keys ?? []), ...(vendorKeys?.content ?? [])];
  assert.deepEqual(
    all.map(({ id, custody, isVendorDefault, state }) => [id, custody, isVendorDefault, state]),
    [
      ['a', 'customer', false, 'active'],
      ['b', 'local', false, 'active'],
      ['c', 'vendor', false, 'active'],
      ['d', 'vendor', true, 'active'],
      ['e', 'local', true, 'active'],
    ],
  );
});

test("relative paths of a provider's settings are resolved against the folder of the file", () => {
  const { tenants } = parsed(keys(`${key('a').replace('k}', 'keys/a.json}')}, ${key('b').replace('k}', '/abs/b.json}')}`));
  assert.deepEqual(
    tenants[0]?.keys.map(({ settings }) => settings),
    [{ storeFile: '/etc/keyside/tenants/keys/a.json' }, { storeFile: '/abs/b.json' }],
  );
});

test('equal provider and settings have equal fingerprints, whatever else differs', () => {
  const text = `tenants:
  a: {keys: [{id: a, provider: aws, state: primary, aws: {keyId: '${ARN}', region: eu-central-1}}]}
  b: {keys: [{id: b, provider: aws, custody: vendor, aws: {region: eu-central-1, keyId: '${ARN}'}}]}
  c: {keys: [{id: c, provider: aws, aws: {keyId: '${ARN}'}}]}
`;
  const [a, b, c] = parsed(text).tenants.map(({ keys: [only] }) => only?.fingerprint);
  assert.match(a as string, /^[0-9a-f]{64}$/);
  assert.equal(a, b);
  assert.notEqual(a, c);
});

test('what a policy leaves out is as built in', () => {
  const [tenant] = parsed(policy('')).tenants;
  assert.deepEqual(tenant?.policy, {
    defaultPolicy: {
      protection: 'lease',
      leaseTtlMs: 300_000,
      leaseMaxDocuments: 1_048_576,
      leaseMaxBytes: 68_719_476_736,
      cacheTtlMs: 60_000,
      outageLimitMs: 60_000,
      allowedCallers: undefined,
      allowedPurposes: undefined,
    },
    labelPolicies: new Map(),
  });
});

test('a label inherits from the default what it leaves out, entry by entry', () => {
  const text = policy(
    'default: {lease: {ttl: 2m, maxDocuments: 7, maxBytes: 1KiB}, cache: {ttl: 30s, outageLimit: 5m}, allowedCallers: [b], allowedPurposes: [p]}, ' +
      'labels: {pii: {protection: document, lease: {ttl: 1m}, allowedPurposes: [q, r]}, plain: {}}',
  );
  const { defaultPolicy, labelPolicies } = parsed(text).tenants[0]?.policy ?? assert.fail();
  assert.deepEqual(labelPolicies.get('plain'), defaultPolicy);
  assert.deepEqual(labelPolicies.get('pii'), {
    protection: 'document',
    leaseTtlMs: 60_000,
    leaseMaxDocuments: 7,
    leaseMaxBytes: 1_024,
    cacheTtlMs: 30_000,
    outageLimitMs: 300_000,
    allowedCallers: new Set(['b']),
    allowedPurposes: new Set(['q', 'r']),
  });
});

const OUTAGES = [
  { name: 'follows the ttl where both are left to it', entries: 'default: {cache: {ttl: 30s}}', limitMs: 30_000 },
  {
    name: "follows a label's own ttl rather than the default's limit",
    entries: 'default: {cache: {outageLimit: 1h}}, labels: {a: {cache: {ttl: 0s}}}',
    limitMs: 0,
  },
  {
    name: "is the default's where the label has neither",
    entries: 'default: {cache: {ttl: 0s, outageLimit: 1h}}, labels: {a: {}}',
    limitMs: 3_600_000,
  },
  { name: 'may be given beside no caching', entries: 'default: {cache: {ttl: 0s, outageLimit: 30s}}', limitMs: 30_000 },
];

for (const { name, entries, limitMs } of OUTAGES) {
  test(`the outage limit ${name}`, () => {
    const { defaultPolicy, labelPolicies } = parsed(policy(entries)).tenants[0]?.policy ?? assert.fail();
    assert.equal((labelPolicies.get('a') ?? defaultPolicy).outageLimitMs, limitMs);
  });
}

test('equal policies are one object, so that many tenants cost little', () => {
  const [a, b] = parsed('tenants: {a: {policy: {labels: {x: {}}}}, b: {policy: {labels: {x: {}}}}}').tenants;
  assert.equal(a?.policy, b?.policy);
});

test('every claim knows its place', () => {
  const { claims } = parsed(`tenants:\n  acme:\n    keys:\n      - ${key('a')}\nvendor: {keys: []}\npolicy: {}\n`);
  assert.deepEqual(
    claims.map(({ kind, id, line, column }) => `${kind} ${id} ${line}:${column}`),
    ['tenant acme 2:3', 'key a 4:10', 'vendor  5:1', 'policy  6:1'],
  );
});

test('anchors and aliases may share what tenants have in common', () => {
  const { tenants } = parsed('tenants: {a: {policy: &p {default: {cache: {ttl: 1s}}}}, b: {policy: *p}}');
  assert.equal(tenants[1]?.policy?.defaultPolicy.cacheTtlMs, 1_000);
});

test('a tenant may be called constructor, toString or 007', () => {
  const names = ['constructor', 'toString', '007', 'hasOwnProperty'];
  const { tenants } = parsed(`tenants: {${names.map((name) => `${name}: {}`).join(', ')}}`);
  assert.deepEqual(
    tenants.map(({ id }) => id),
    names,
  );
});
