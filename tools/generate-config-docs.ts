/**
 * Writes docs/configuration.md and docs/schema/*.json from the schemas of the configuration files.
 * With `--check` writes nothing and exits 1 where they are not current.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { daemonSchema } from '../src/config/daemon-schema.ts';
import { CONFIGURED_PROVIDERS } from '../src/config/provider-settings.ts';
import { sinkSchema } from '../src/config/sink-schema.ts';
import { CONFIGURED_SINK_KINDS, needsSettings } from '../src/config/sink-settings.ts';
import { keySchema, policySchema, tenantSchema, tenantsFileSchema } from '../src/config/tenants-schema.ts';
import { ID_PATTERN } from '../src/core/ids.ts';
import { injectorSchema } from '../src/injector/config.ts';

const ROOT = join(import.meta.dirname, '..');

/** The parts of JSON Schema that the schemas use, with the notes of `.meta()`. */
interface JsonSchema {
  [keyword: string]: unknown;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  kind?: string;
  range?: string;
  isPath?: boolean;
  /** What holds where neither the entry nor what it inherits from is given. */
  builtIn?: string;
  minItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) as JsonSchema;
}

// Schemas for editors

const NOTES: ReadonlySet<string> = new Set(['kind', 'range', 'isPath', 'builtIn']);

/** Without the notes, and with the rules that only the daemon's own checks know. */
function forEditors(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(forEditors);
  if (typeof node !== 'object' || node === null) return node;
  const copy: JsonSchema = {};
  for (const [keyword, value] of Object.entries(node)) {
    if (!NOTES.has(keyword) || typeof value === 'object') copy[keyword] = forEditors(value);
  }
  const { properties } = copy;
  if (properties?.provider !== undefined && properties.custody !== undefined) {
    copy.allOf = CONFIGURED_PROVIDERS.map((provider) => settingsRule('provider', provider, CONFIGURED_PROVIDERS));
  }
  if (properties?.kind !== undefined && properties.events !== undefined) {
    copy.allOf = CONFIGURED_SINK_KINDS.map((kind) => settingsRule('kind', kind, CONFIGURED_SINK_KINDS));
  }
  if (properties?.tenants?.additionalProperties !== undefined) {
    properties.tenants.propertyNames = { pattern: ID_PATTERN.source };
  }
  return copy;
}

/** Exactly the block that is named like the provider, or the kind of sink. */
function settingsRule(choice: 'provider' | 'kind', name: string, names: readonly string[]): JsonSchema {
  const others = names.filter((other) => other !== name);
  const isOptional = CONFIGURED_SINK_KINDS.some((kind) => kind === name && !needsSettings(kind));
  return {
    if: { properties: { [choice]: { const: name } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { ...(isOptional ? {} : { required: [name] }), properties: Object.fromEntries(others.map((other) => [other, false])) },
  };
}

function schemaFile(schema: z.ZodType, name: string): string {
  const body = forEditors(jsonSchema(schema)) as JsonSchema;
  const text = JSON.stringify({ ...body, $id: `https://keyside.dev/schema/${name}` }, null, 2);
  return `${text.replaceAll(/^( *"\w+": )?\[\n([^[\]{}]*)\n *\](,?)$/gm, onOneLine)}\n`;
}

/** A short list as the formatter of this repository writes it. */
function onOneLine(list: string, ...[key = '', entries = '', comma = '']: string[]): string {
  const line = `${key}[${entries.trim().replaceAll(/,\n */g, ', ')}]${comma}`;
  return line.length > 130 ? list : line;
}

// Tables

const UNITS: Readonly<Record<string, string>> = { duration: 'ms, s, m, h, d', size: 'bytes, KiB, MiB, GiB' };

interface Row {
  readonly key: string;
  readonly node: JsonSchema;
  readonly isRequired: boolean;
}

/** The entries below a node, depth first; not below the keys in `closed`. */
function rowsBelow(node: JsonSchema, prefix: string, closed: ReadonlySet<string>): Row[] {
  if (closed.has(prefix)) return [];
  const alternatives = node.oneOf ?? node.anyOf?.filter((option) => option.properties !== undefined) ?? [];
  if (alternatives.length > 0) return alternatives.flatMap((option) => alternativeRows(option, prefix, closed));
  if (node.items !== undefined) return rowsBelow(node.items, `${prefix}[]`, closed);
  if (typeof node.additionalProperties === 'object') return rowsBelow(node.additionalProperties, `${prefix}.<name>`, closed);
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    return [{ key, node: child, isRequired: node.required?.includes(name) ?? false }, ...rowsBelow(child, key, closed)];
  });
}

/** One of several forms of a mapping, told apart by the one entry that is constant. */
function alternativeRows(option: JsonSchema, prefix: string, closed: ReadonlySet<string>): Row[] {
  const [name, mark] = Object.entries(option.properties ?? {}).find(([, child]) => child.const !== undefined) ?? ['', {}];
  const { [name]: _, ...others } = option.properties ?? {};
  const form = `${prefix}{${name}: ${String(mark.const)}}`;
  const head: Row = { key: form, node: { ...mark, const: undefined, type: 'object' }, isRequired: false };
  return [head, ...rowsBelow({ ...option, properties: others }, form, closed)];
}

function typeOf(node: JsonSchema): string {
  if (node.isPath === true) return 'path';
  if (node.kind !== undefined) return node.kind;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.type === 'array') return `list of ${node.items?.type === 'object' ? 'mappings' : typeOf(node.items ?? {})}`;
  if (node.type === 'object' || node.oneOf !== undefined || node.anyOf !== undefined) return 'mapping';
  return { string: 'text', boolean: 'true, false', integer: 'count' }[node.type ?? ''] ?? '';
}

function defaultOf({ node, isRequired }: Row): string {
  if (isRequired) return '(required)';
  const { default: value = node.builtIn } = node;
  if (value === undefined || (typeof value === 'object' && value !== null)) return '';
  return value === '' ? '(empty)' : `\`${String(value)}\``;
}

function table(node: JsonSchema, closed: readonly string[] = []): string {
  const lines = rowsBelow(node, '', new Set(closed)).map((row) => {
    const { kind = '', range = '', description = '' } = row.node;
    const cells = [`\`${row.key}\``, typeOf(row.node), UNITS[kind] ?? '', defaultOf(row), range, description];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| key | type | unit | default | range | meaning |', '|---|---|---|---|---|---|', ...lines].join('\n');
}

// The page

const DAEMON_EXAMPLE = `# yaml-language-server: $schema=https://keyside.dev/schema/keyside.schema.json
listen:
  tcp: off
  unix: /run/keyside/keyside.sock
  http: 0.0.0.0:7461
tenants: ./tenants
callers:
  - id: billing
    tokenFile: /run/secrets/billing-token
    tenants: [acme, globex]
    operations: [encrypt, decrypt]
  - id: key-operations
    tokenFile: /run/secrets/key-operations-token
    tenants: ['*']
    operations: [rewrap, rewrap-target, check-key, list-keys, drop-keys]
limits:
  maxConcurrentCalls: 256
  defaultDeadline: 10s
drain:
  timeout: 25s
audit:
  directory: /var/lib/keyside/audit
  maxBytes: 4GiB
  sinks:
    - name: siem
      kind: splunk-hec
      splunk-hec:
        url: https://splunk.example.com:8088
        tokenFile: /run/secrets/splunk-token
        index: keyside
    - name: archive
      kind: s3
      s3:
        bucket: example-keyside-audit
        region: eu-central-1
log:
  level: info
`;

const TENANTS_EXAMPLE = `# yaml-language-server: $schema=https://keyside.dev/schema/tenants.schema.json
tenants:
  acme:                       # brought its own key
    keys:
      - id: acme-2026
        provider: aws
        state: primary
        aws:
          keyId: arn:aws:kms:eu-central-1:111122223333:key/0f5e7c1a-9d4b-4c8e-8a67-3b2d1c0e9f88
          credentials:
            source: assume-role
            roleArn: arn:aws:iam::111122223333:role/keyside
            externalId: acme-7f3a
      - id: acme-2024         # still reads what was written under it
        provider: aws
        state: active
        aws:
          keyId: arn:aws:kms:eu-central-1:111122223333:key/5b1f0c77-2f3e-4a0d-9c55-6d7e8f901234
    minimumCustody: customer
    policy:
      default:
        cache: { ttl: 60s, outageLimit: 10m }
      labels:
        pii:
          protection: document
          cache: { ttl: 0s }
          allowedPurposes: [billing, support]
    audit:
      sinks:                  # acme's own SIEM gets what concerns acme
        - name: siem
          kind: webhook
          events: [encrypt, decrypt, rewrap, key, security]
          webhook: { url: 'https://siem.acme.example/keyside', secretFile: /run/secrets/acme-webhook }
  globex: {}                  # under the vendor's key
vendor:
  keys:
    - id: vendor-default
      provider: local
      state: primary
      local: { storeFile: keys/vendor-default.json }
policy:
  default:
    lease: { ttl: 2m }
`;

const INJECTOR_EXAMPLE = `# yaml-language-server: $schema=https://keyside.dev/schema/injector.schema.json
listen:
  webhook: 0.0.0.0:8443
  http: 0.0.0.0:8080
sidecar:
  image: registry.example.com/keyside:0.1.0
  resources:
    cpuRequest: 100m
    memoryRequest: 128Mi
    memoryLimit: 512Mi
certificates:
  source: self-made           # or: source: files, directory: /etc/keyside-certificate
  namespace: keyside
  service: keyside-injector
  secret: keyside-injector-certificate
  lease: keyside-injector
  webhookConfiguration: keyside-injector
log:
  level: info
`;

function page(): string {
  return `# Configuration

<!-- Generated by tools/generate-config-docs.ts: change the schemas in src/config, not this page. -->

Two kinds of files configure the daemon: its own file, read once at start, and the tenants files, read again whenever they change.
The injector for Kubernetes has a file of its own, read once at its start. All are YAML 1.2 in UTF-8; anchors and aliases work, merge keys and tags do not. A key that is not listed here is a fault. **All
faults are reported together**, each as \`file:line:column: path: what is wrong\`; no value is ever repeated in a message.

* A *duration* is a whole number with a unit: \`250ms\`, \`60s\`, \`5m\`, \`1h\`, \`7d\`.
* A *size* is a whole number of bytes, or one with a unit: \`65536\`, \`64KiB\`, \`3MiB\`, \`64GiB\`.
* An *id* is 1 to 128 characters of \`A-Z a-z 0-9 . _ : @ -\`.
* A *path* that is relative is relative to the folder of the file that names it. Secrets are given by path, never by value.

Editors check and complete the files by the schemas in [schema/](schema/): begin a file with a comment
\`# yaml-language-server: $schema=\` and the address or path of the schema.

## The daemon's file

\`\`\`yaml
${DAEMON_EXAMPLE}\`\`\`

${table(jsonSchema(daemonSchema), ['audit.sinks'])}

A \`listen.tcp\` address that other machines can reach is refused unless \`listen.tls\` is given. Loopback addresses are 127.0.0.0/8,
\`[::1]\` and \`localhost\`; every other name counts as reachable, and so does \`0.0.0.0\`. At least one of \`listen.tcp\` and
\`listen.unix\` is on. \`kms.attemptTimeout\` is at most \`kms.timeout\`, and \`limits.maxDocumentBytes\` at most
\`limits.maxMessageBytes\`, of which \`limits.maxBytesInFlight\` and \`limits.maxBytesInFlightPerCaller\` are at least four times as
much. \`sidecar.processes\` is at most \`kms.maxConcurrent\`, and \`audit.maxBytes\` at least four times \`audit.segmentBytes\`. Caller
ids are distinct, and \`*\` stands alone in its list.

### A sink

The sinks of \`audit.sinks\` get the records of all tenants and the daemon's own; those of a tenant (\`audit.sinks\` in the tenants file)
get that tenant's. Each gets its records in order and at least once, and keeps no other waiting. What
each kind promises: [audit.md](audit.md); what records hold: [audit-record.md](audit-record.md).

${table(jsonSchema(sinkSchema), ['cloudwatch-logs.credentials', 's3.credentials'])}

A list has at most 16 sinks, with distinct names. A block in which nothing is required may be left out. \`credentials\` are those of
\`aws.credentials\` of [a key](#a-key), proven to the sink's own service.

## Tenants files

\`tenants\` names one file or a folder. Of a folder every \`*.yaml\` and \`*.yml\` is read that is not hidden, not those in folders below;
it makes no difference which tenant stands in which file.

\`\`\`yaml
${TENANTS_EXAMPLE}\`\`\`

${table(jsonSchema(tenantsFileSchema), ['tenants', 'vendor', 'policy'])}

Tenant ids and key ids are unique in the deployment, over all files.

### A tenant

${table(jsonSchema(tenantSchema), ['keys', 'policy', 'audit.sinks'])}

A tenant without keys is served by the keys of \`vendor\` as they are. A tenant with keys of its own has the vendor's behind them, with
\`primary\` turned into \`active\`: what was written before it brought its key stays readable. A tenant that ends up without a
primary key can read and not write.

### A key

${table(jsonSchema(keySchema))}

### A policy

${table(jsonSchema(policySchema), ['labels'])}

Each label under \`labels\` has the entries of \`default\`, and what it leaves out is as in \`default\`. One exception: where a label gives
\`cache.ttl\` and no \`cache.outageLimit\`, the limit is that ttl, so that \`ttl: 0s\` means what it says.

## Reloading

Tenants files are read and checked in a process of its own, which with up to 1,000 tenants in up to 1,000 files ends while there is
nothing to read. A change is seen at once where the file system tells of it, and at the latest after \`reload.interval\`; only files that
changed are read, and only tenants that changed are replaced, each as a whole.

* **Changed.** A file is read once it has been unchanged for 0.1 seconds. One that never rests holds up the others for at most 5 seconds.
  Renaming a finished file into place and Kubernetes' swap of a whole volume need no care.
* **At fault.** A file with any fault is not taken over: its previous version is served on as a whole; where it had none, nothing of it
  is served. The good changes of other files are taken over. An empty file is at fault; \`tenants: {}\` says that there are none.
* **In conflict.** Where two files name the same tenant, the same key id, or both have a \`vendor\` or a \`policy\` section, the file that
  changed last is rejected as a whole (at equal times the later name), and its previous version is served on. It is judged again at each scan,
  so it is taken over as soon as the other gives way. Tenants may move between files that change together.
* **Missing.** A file of a folder that has been missing for a second is removed with its tenants. Where the configured path itself is
  missing or cannot be read, every tenant is served on.
* **At start** any fault in any file ends the daemon, with all faults listed.

A tenant whose sinks change is replaced like any other: its data keys in memory are dropped, and the next call asks its KMS. Where a sink
keeps its name it goes on where it was, whatever else of it changes.

The faults of a reload are logged, and counted as rejected, once when they appear.

## The injector's file

\`keyside injector --config injector.yaml\` is the webhook that adds the sidecar to pods of Kubernetes ([kubernetes.md](kubernetes.md)). The
Helm chart writes this file from its values.

\`\`\`yaml
${INJECTOR_EXAMPLE}\`\`\`

${table(jsonSchema(injectorSchema))}

In \`sidecar.resources\` no request is more than its limit. Quantities are those of Kubernetes: \`100m\`, \`0.5\`, \`512Mi\`, \`2Gi\`.
\`certificates.certificateLifetime\` is at most a third of \`certificates.authorityLifetime\`, and \`certificates.propagation\` and
\`certificates.checkInterval\` are at most a tenth of it. \`leaderElection.renewDeadline\` is less than \`leaderElection.leaseDuration\`, and
\`leaderElection.retryPeriod\` less than half of it; \`apiServer.timeout\` is at most the difference of the first two.
`;
}

const FILES: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': page,
  'docs/schema/injector.schema.json': () => schemaFile(injectorSchema, 'injector.schema.json'),
  'docs/schema/keyside.schema.json': () => schemaFile(daemonSchema, 'keyside.schema.json'),
  'docs/schema/tenants.schema.json': () => schemaFile(tenantsFileSchema, 'tenants.schema.json'),
};

function isCurrent(path: string, content: string): boolean {
  try {
    return readFileSync(path, 'utf8') === content;
  } catch {
    return false;
  }
}

const isCheck = process.argv.includes('--check');
for (const [name, render] of Object.entries(FILES)) {
  const path = join(ROOT, name);
  const content = render();
  if (isCurrent(path, content)) continue;
  if (isCheck) {
    console.error(`${name} is not current: run node tools/generate-config-docs.ts`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    console.log(`wrote ${name}`);
  }
}
