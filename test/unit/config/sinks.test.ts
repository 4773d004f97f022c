import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_KINDS } from '../../../src/audit/event.ts';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { ConfigurationError, renderFaults } from '../../../src/config/fault.ts';
import { CONFIGURED_SINK_KINDS, type ConfiguredSinkKind } from '../../../src/config/sink-settings.ts';
import { parseTenantsFile } from '../../../src/config/tenants-file.ts';
import type { ConfiguredSink } from '../../../src/tenants/tenant.ts';

const DAEMON_FILE = '/etc/keyside/keyside.yaml';
const TENANTS_FILE = '/etc/keyside/tenants/acme.yaml';

const ofDaemon = (list: string): readonly ConfiguredSink[] =>
  parseDaemonConfig(`tenants: t\naudit: {sinks: [${list}]}\n`, DAEMON_FILE).audit.sinks;

function ofTenant(list: string): readonly ConfiguredSink[] {
  const result = parseTenantsFile(`tenants: {acme: {audit: {sinks: [${list}]}}}`, TENANTS_FILE);
  if ('faults' in result) assert.fail(renderFaults(result.faults));
  return result.parsed.tenants[0]?.auditSinks ?? [];
}

/** Without the name of the file. Each sink stands in a line of its own, from line 4 and column 4 on. */
function faultsOf(...sinks: readonly string[]): string[] {
  const text = `tenants: t\naudit:\n sinks:\n${sinks.map((sink) => ` - ${sink}\n`).join('')}`;
  try {
    parseDaemonConfig(text, DAEMON_FILE);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split('\n').map((line) => line.replace(`${DAEMON_FILE}:`, ''));
  }
  return assert.fail('the list has no fault');
}

const AMBIENT = { source: 'ambient' };

/** For each kind the least that its block holds, and the settings that come of it in a file of /etc/keyside. */
const LEAST: Readonly<Record<ConfiguredSinkKind, { readonly block: string; readonly settings: unknown }>> = {
  'splunk-hec': {
    block: '{url: "https://splunk.example:8088", tokenFile: secrets/t}',
    settings: {
      url: 'https://splunk.example:8088',
      tokenFile: '/etc/keyside/secrets/t',
      source: 'keyside',
      sourcetype: 'keyside:audit',
    },
  },
  'cloudwatch-logs': {
    block: '{region: eu-central-1, logGroup: /keyside/audit}',
    settings: { region: 'eu-central-1', logGroup: '/keyside/audit', streamPrefix: 'keyside-', credentials: AMBIENT },
  },
  otlp: { block: '{url: "http://127.0.0.1:4318/v1/logs"}', settings: { url: 'http://127.0.0.1:4318/v1/logs' } },
  syslog: {
    block: '{host: log.example, caFile: ca.pem, certificateFile: c.pem, privateKeyFile: k.pem}',
    settings: {
      host: 'log.example',
      port: 6514,
      caFile: '/etc/keyside/ca.pem',
      certificateFile: '/etc/keyside/c.pem',
      privateKeyFile: '/etc/keyside/k.pem',
      appName: 'keyside',
      facility: 13,
    },
  },
  s3: {
    block: '{bucket: audit, region: eu-central-1, credentials: {source: file, file: aws}}',
    settings: {
      bucket: 'audit',
      prefix: 'keyside/',
      region: 'eu-central-1',
      forcePathStyle: false,
      batchInterval: 60_000,
      credentials: { source: 'file', file: '/etc/keyside/aws', profile: 'default' },
    },
  },
  webhook: {
    block: '{url: "https://siem.example/in/keyside", secretFile: /run/s}',
    settings: { url: 'https://siem.example/in/keyside', secretFile: '/run/s' },
  },
  file: { block: '{path: audit.ndjson}', settings: { path: '/etc/keyside/audit.ndjson' } },
  stdout: { block: '{}', settings: {} },
};

for (const kind of CONFIGURED_SINK_KINDS) {
  test(`a sink of kind ${kind} gets every default, and absolute paths, in either file`, () => {
    const { block, settings } = LEAST[kind];
    const entry = `{name: a, kind: ${kind}, ${kind}: ${block}}`;
    assert.deepEqual(ofDaemon(entry), [{ name: 'a', kind, events: undefined, settings }]);
    const inFolder = JSON.parse(JSON.stringify(settings).replaceAll('"/etc/keyside/', '"/etc/keyside/tenants/'));
    assert.deepEqual(ofTenant(entry), [{ name: 'a', kind, events: undefined, settings: inFolder }]);
  });
}

test('the order of a list stays, and every kind of record can be named', () => {
  const [first, second] = ofTenant(`{name: z, kind: stdout, events: [${EVENT_KINDS.join(', ')}]}, {name: a-1, kind: stdout}`);
  assert.deepEqual(first, { name: 'z', kind: 'stdout', events: [...EVENT_KINDS], settings: {} });
  assert.deepEqual(second, { name: 'a-1', kind: 'stdout', events: undefined, settings: {} });
});

test('objects of an s3 sink are collected for the duration that the file says, 1s to 15m', () => {
  const s3 = (interval: string) => `{name: a, kind: s3, s3: {bucket: audit, region: eu-central-1, batchInterval: ${interval}}}`;
  const [sink] = ofDaemon(s3('5m'));
  assert.deepEqual(sink?.settings, { ...(LEAST.s3.settings as object), credentials: AMBIENT, batchInterval: 300_000 });
  assert.deepEqual(faultsOf(s3('16m')), ['4:81: audit.sinks[0].s3.batchInterval: must be from 1s to 15m']);
  assert.match(faultsOf(s3('60000')).join(), /batchInterval: must be a whole number with a unit/);
});

const FILE_BLOCK = 'file: {path: a}';
const KINDS = 'splunk-hec, cloudwatch-logs, otlp, syslog, s3, webhook, file or stdout';

const FAULTS = [
  { name: 'a kind that there is not', sink: '{name: a, kind: kafka}', fault: `4:20: audit.sinks[0].kind: must be ${KINDS}` },
  { name: 'no kind', sink: `{name: a, ${FILE_BLOCK}}`, fault: '4:4: audit.sinks[0].kind: is missing' },
  { name: 'no block', sink: '{name: a, kind: file}', fault: '4:4: audit.sinks[0].file: is missing' },
  {
    name: "another kind's block",
    sink: `{name: a, kind: file, ${FILE_BLOCK}, stdout: {}}`,
    fault: '4:43: audit.sinks[0].stdout: does not belong to a sink of kind file',
  },
  {
    name: 'a setting that there is not',
    sink: '{name: a, kind: stdout, stdout: {path: a}}',
    fault: '4:37: audit.sinks[0].stdout.path: is not a known key',
  },
  { name: 'no name', sink: `{kind: file, ${FILE_BLOCK}}`, fault: '4:4: audit.sinks[0].name: is missing' },
  ...['A', '-a', 'a.b', 'a/b', '"a "', '""', `a${'a'.repeat(63)}`].map((name) => ({
    name: `the name ${name}`,
    sink: `{name: ${name}, kind: file, ${FILE_BLOCK}}`,
    fault: '4:11: audit.sinks[0].name: must be 1 to 63 characters of a-z 0-9 -, not beginning with -',
  })),
  {
    name: 'a kind of records that there is not',
    sink: '{name: a, kind: stdout, events: [encrypt, delete]}',
    fault:
      '4:46: audit.sinks[0].events[1]: must be encrypt, decrypt, rewrap, key, configuration, lifecycle, security or checkpoint',
  },
  {
    name: 'no kind of records',
    sink: '{name: a, kind: stdout, events: []}',
    fault: '4:28: audit.sinks[0].events: must not be empty',
  },
  {
    name: 'a certificate without its key',
    sink: '{name: a, kind: syslog, syslog: {host: h, certificateFile: c}}',
    fault: '4:28: audit.sinks[0].syslog.privateKeyFile: is missing: certificate and key go together',
  },
  {
    name: 'plain http to another machine',
    sink: '{name: a, kind: otlp, otlp: {url: "http://collector.example/v1/logs"}}',
    fault: '4:38: audit.sinks[0].otlp.url: must be an https URL without query or credentials (http for loopback only)',
  },
  {
    name: 'a path of a collector',
    sink: '{name: a, kind: splunk-hec, splunk-hec: {url: "https://s.example/services", tokenFile: t}}',
    fault:
      '4:50: audit.sinks[0].splunk-hec.url: must be an https URL without path, query or credentials (http for loopback only)',
  },
];

for (const { name, sink, fault } of FAULTS) {
  test(`refuses ${name}`, () => assert.deepEqual(faultsOf(sink), [fault]));
}

test('a name may stand once in a list, and in the lists of several tenants', () => {
  const sink = '{name: a, kind: stdout}';
  assert.deepEqual(faultsOf(sink, '{name: b, kind: stdout}', sink), [
    '6:11: audit.sinks[2].name: is the name of another sink of this list',
  ]);
  const tenants = (acme: string) => `tenants: {acme: {audit: {sinks: [${acme}]}}, globex: {audit: {sinks: [${sink}]}}}`;
  assert.ok('parsed' in parseTenantsFile(tenants(sink), TENANTS_FILE));
  const result = parseTenantsFile(tenants(`${sink}, ${sink}`), TENANTS_FILE);
  assert.match(
    'faults' in result ? renderFaults(result.faults) : '',
    /acme\.yaml:1:\d+: tenants\.acme\.audit\.sinks\[1\]\.name: is the name/,
  );
});

test('a list holds sixteen sinks at most', () => {
  const sinks = Array.from({ length: 17 }, (_, at) => `{name: a${at}, kind: stdout}`);
  assert.equal(ofDaemon(sinks.slice(1).join()).length, 16);
  assert.deepEqual(faultsOf(...sinks), ['3:2: audit.sinks: must be a list of at most 16 entries']);
});

test('no fault repeats what may be a secret in the wrong place', () => {
  const secret = 'aHVudGVyMg';
  const url = `https://keyside:${secret}@splunk.example`;
  const faults = faultsOf(
    `{name: a, kind: splunk-hec, splunk-hec: {url: "${url}", token: ${secret}}}`,
    `{name: "${secret} ", kind: ${secret}}`,
    `{name: b, kind: webhook, webhook: {url: "https://h.example/?key=${secret}", secretFile: [${secret}]}}`,
  );
  assert.equal(faults.length, 7);
  assert.ok(!faults.join('\n').includes(secret), faults.join('\n'));
});
