import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { CONFIGURED_PROVIDERS } from '../../../src/config/provider-settings.ts';
import { CONFIGURED_SINK_KINDS } from '../../../src/config/sink-settings.ts';
import { parseTenantsFile } from '../../../src/config/tenants-file.ts';
import { parseInjectorConfig } from '../../../src/injector/config.ts';

const ROOT = join(import.meta.dirname, '../../..');
const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
const [daemonExample, tenantsExample, injectorExample] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);

test('the page and the JSON schemas are current', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools/generate-config-docs.ts'), '--check'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test("the page's example of a daemon configuration is one", () => {
  const config = parseDaemonConfig(daemonExample ?? '', '/etc/keyside/keyside.yaml');
  assert.equal(config.callers.length, 2);
});

test("the page's example of a tenants file is one", () => {
  const result = parseTenantsFile(tenantsExample ?? '', '/etc/keyside/tenants/all.yaml');
  assert.ok('parsed' in result, JSON.stringify(result));
  assert.deepEqual(
    result.parsed.tenants.map(({ id, keys }) => [id, keys.length]),
    [
      ['acme', 2],
      ['globex', 0],
    ],
  );
});

test("the page's example of an injector configuration is one", () => {
  const config = parseInjectorConfig(injectorExample ?? '', '/etc/keyside-injector/injector.yaml');
  assert.equal(config.certificates.source, 'self-made');
});

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly required?: readonly string[];
  readonly allOf?: readonly unknown[];
  readonly propertyNames?: unknown;
  readonly description?: string;
}

const schema = (name: string): SchemaNode => JSON.parse(readFileSync(join(ROOT, 'docs/schema', name), 'utf8'));

test('the schemas for editors refuse unknown keys at every level and describe every entry', () => {
  let seen = 0;
  const visit = (node: SchemaNode, path: string): void => {
    if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      seen += 1;
      assert.ok(child.description !== undefined, `${path}.${name} has no description`);
      visit(child, `${path}.${name}`);
    }
    if (node.items !== undefined) visit(node.items, `${path}[]`);
    for (const form of node.oneOf ?? []) visit(form, path);
    if (typeof node.additionalProperties === 'object') visit(node.additionalProperties, `${path}.*`);
  };
  visit(schema('keyside.schema.json'), 'keyside');
  visit(schema('tenants.schema.json'), 'tenants');
  visit(schema('injector.schema.json'), 'injector');
  assert.ok(seen > 110, `${seen}`);
});

test('the schema for editors knows which settings belong to which provider', () => {
  const { tenants } = schema('tenants.schema.json').properties ?? {};
  assert.deepEqual(tenants?.propertyNames, { pattern: '^[A-Za-z0-9._:@-]{1,128}$' });
  const tenant = tenants?.additionalProperties as SchemaNode;
  assert.deepEqual(tenant.properties?.keys?.items?.allOf?.[0], {
    if: { properties: { provider: { const: 'local' } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      required: ['local'],
      properties: Object.fromEntries(CONFIGURED_PROVIDERS.filter((name) => name !== 'local').map((name) => [name, false])),
    },
  });
});

test('the schemas for editors know which settings belong to which kind of sink, in either file', () => {
  const daemon = schema('keyside.schema.json').properties?.audit?.properties?.sinks?.items;
  const tenant = schema('tenants.schema.json').properties?.tenants?.additionalProperties as SchemaNode;
  assert.deepEqual(daemon?.allOf, tenant.properties?.audit?.properties?.sinks?.items?.allOf);
  const others = (kind: string) =>
    Object.fromEntries(CONFIGURED_SINK_KINDS.filter((name) => name !== kind).map((name) => [name, false]));
  const rule = (kind: string, required?: readonly string[]) => ({
    if: { properties: { kind: { const: kind } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { ...(required && { required }), properties: others(kind) },
  });
  assert.deepEqual(daemon?.allOf?.[0], rule('splunk-hec', ['splunk-hec']));
  assert.deepEqual(daemon?.allOf?.at(-1), rule('stdout'));
});
