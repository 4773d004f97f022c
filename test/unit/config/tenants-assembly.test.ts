import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TenantsAssembly } from '../../../src/config/tenants-assembly.ts';
import { parseTenantsFile, type TenantsFile } from '../../../src/config/tenants-file.ts';
import type { TenantContent } from '../../../src/tenants/directory.ts';

function version(text: string): TenantsFile {
  const result = parseTenantsFile(text, '/t/x.yaml');
  return 'parsed' in result ? result.parsed : assert.fail(JSON.stringify(result.faults));
}

const key = (id: string, state = 'primary'): string => `{id: ${id}, provider: local, state: ${state}, local: {storeFile: k}}`;

/** A deployment of one file whose text is replaced, and all that it handed out, newest last. */
function deployment() {
  const assembly = new TenantsAssembly();
  let previous: TenantsFile | undefined;
  return (text: string | undefined) => {
    const next = text === undefined ? undefined : version(text);
    const slices = [...assembly.replace([{ file: 'x', previous, next }])];
    previous = next;
    const changed = new Map<string, TenantContent>(
      slices.flatMap((slice) => slice.changed.map((content) => [content.id, content])),
    );
    return { slices, changed, removed: slices.flatMap((slice) => slice.removed) };
  };
}

const states = (content: TenantContent | undefined) =>
  content?.keys.map(({ id, state, isVendorDefault }) => `${id} ${state} ${isVendorDefault}`);

test("a tenant without keys gets the vendor's as they are, one with keys gets them behind its own and never primary", () => {
  const { changed } = deployment()(`tenants: {bare: {}, own: {keys: [${key('mine')}]}, old: {keys: [${key('past', 'active')}]}}
vendor: {keys: [${key('v1')}, ${key('v0', 'active')}, ${key('v-', 'disabled')}]}`);
  assert.deepEqual(states(changed.get('bare')), ['v1 primary true', 'v0 active true', 'v- disabled true']);
  assert.deepEqual(states(changed.get('own')), ['mine primary false', 'v1 active true', 'v0 active true', 'v- disabled true']);
  assert.deepEqual(states(changed.get('old')), ['past active false', 'v1 active true', 'v0 active true', 'v- disabled true']);
});

test('a tenant without any key is allowed', () => {
  assert.deepEqual(deployment()('tenants: {acme: {}}').changed.get('acme')?.keys, []);
});

test("the deployment's policy serves tenants without their own, as a whole", () => {
  const { changed } = deployment()(`tenants: {bare: {}, own: {policy: {labels: {a: {}}}}}
policy: {default: {cache: {ttl: 5s}}, labels: {b: {}}}`);
  assert.equal(changed.get('bare')?.defaultPolicy.cacheTtlMs, 5_000);
  assert.deepEqual([...(changed.get('bare')?.labelPolicies.keys() ?? [])], ['b']);
  assert.equal(changed.get('own')?.defaultPolicy.cacheTtlMs, 60_000);
  assert.deepEqual([...(changed.get('own')?.labelPolicies.keys() ?? [])], ['a']);
});

test('only tenants whose content changed are handed out', () => {
  const replace = deployment();
  replace(`tenants: {a: {keys: [${key('k')}]}, b: {}, c: {}}`);
  const { changed, removed } = replace(`tenants: {c: {}, a: {keys: [${key('k', 'disabled')}]}, d: {}}`);
  assert.deepEqual([...changed.keys()], ['a', 'd']);
  assert.deepEqual(removed, ['b']);
  assert.deepEqual(replace(`# moved\ntenants: {d: {}, c: {}, a: {keys: [${key('k', 'disabled')}]}}`).slices, []);
});

test('a tenant is handed out again where a sink of its own changes, and nobody else', () => {
  const replace = deployment();
  const tenants = (sinks: string): string => `tenants: {a: {audit: {sinks: [${sinks}]}}, b: {}}`;
  assert.deepEqual(replace(tenants('')).changed.get('a')?.auditSinks, []);
  const { changed } = replace(tenants('{name: out, kind: stdout}'));
  assert.deepEqual([...changed.keys()], ['a']);
  assert.deepEqual(changed.get('a')?.auditSinks, [{ name: 'out', kind: 'stdout', events: undefined, settings: {} }]);
  assert.deepEqual([...replace(tenants('{name: out, kind: stdout, events: [key]}')).changed.keys()], ['a']);
  assert.deepEqual([...replace('tenants: {a: {}, b: {}}').changed.keys()], ['a']);
});

test('a change of the vendor section goes over all tenants, one of the policy over those without their own', () => {
  const replace = deployment();
  const tenants = 'tenants: {a: {}, b: {policy: {}}}';
  replace(tenants);
  assert.deepEqual([...replace(`${tenants}\nvendor: {keys: [${key('v')}]}`).changed.keys()], ['a', 'b']);
  assert.deepEqual([...replace(`${tenants}\nvendor: {keys: [${key('v')}]}\npolicy: {labels: {x: {}}}`).changed.keys()], ['a']);
  assert.deepEqual([...replace(tenants).changed.keys()], ['a', 'b']);
});

test('a file that is removed takes its tenants and sections along', () => {
  const replace = deployment();
  replace(`tenants: {a: {}}\nvendor: {keys: [${key('v')}]}`);
  assert.deepEqual(replace(undefined).removed, ['a']);
  assert.deepEqual(replace('tenants: {a: {}}').changed.get('a')?.keys, []);
});

test('a tenant that moves between files in one replacement is not handed out again', () => {
  const assembly = new TenantsAssembly();
  const [one, other, none] = [version('tenants: {a: {}}'), version('tenants: {a: {}, b: {}}'), version('tenants: {}')];
  assert.equal([...assembly.replace([{ file: 'x', previous: undefined, next: one }])].length, 1);
  const moved = [
    { file: 'y', previous: undefined, next: other },
    { file: 'x', previous: one, next: none },
  ];
  const ids = [...assembly.replace(moved)].flatMap(({ changed, removed }) => [...changed.map(({ id }) => id), ...removed]);
  assert.deepEqual(ids, ['b']);
  assert.equal(assembly.size, 2);
});

test('two thousand tenants come in slices that each carry little, and every tenant once', () => {
  const entries = Array.from(
    { length: 2_000 },
    (_, at) => `t${at}: {keys: [${key(`k${at}`)}], policy: {labels: {a: {}, b: {}}}}`,
  );
  const { slices, changed } = deployment()(`tenants: {${entries.join(', ')}}`);
  assert.equal(changed.size, 2_000);
  for (const slice of slices) {
    const weight = slice.changed.reduce((sum, content) => sum + 1 + content.keys.length + content.labelPolicies.size, 0);
    assert.ok(weight <= 504, `${weight}`);
  }
});
