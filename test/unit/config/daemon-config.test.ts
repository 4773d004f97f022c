import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DaemonConfig, loadDaemonConfig, parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { ConfigurationError } from '../../../src/config/fault.ts';

const FILE = '/etc/keyside/keyside.yaml';

const parse = (more = ''): DaemonConfig => parseDaemonConfig(`tenants: ./tenants\n${more}`, FILE);

/** Without the name of the file. */
function faultsOf(text: string): string[] {
  try {
    parseDaemonConfig(text, FILE);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split('\n').map((line) => line.replace(`${FILE}:`, ''));
  }
  return assert.fail('the file has no fault');
}

test('a file that names its tenants and nothing else gets every default', () => {
  assert.deepEqual(parse(), {
    listen: {
      tcp: { host: '127.0.0.1', port: 7460 },
      unixPath: undefined,
      http: { host: '127.0.0.1', port: 7461 },
      tls: undefined,
    },
    tenantsPath: '/etc/keyside/tenants',
    region: undefined,
    originKeyFiles: [],
    reload: { intervalMs: 30_000 },
    callers: [],
    limits: {
      maxDocumentBytes: 3_145_728,
      maxFields: 10_000,
      maxBatchDocuments: 1_000,
      maxConcurrentCalls: 512,
      maxConcurrentCallsPerTenant: 128,
      maxConcurrentCallsPerCaller: 256,
      maxBytesInFlight: 256 * 1024 * 1024,
      maxBytesInFlightPerCaller: 128 * 1024 * 1024,
      maxConnections: 1_024,
      maxMessageBytes: 8_388_608,
      defaultDeadlineMs: 30_000,
      maxStreamAgeMs: 21_600_000,
    },
    cache: { maxEntries: 10_000, maxBytes: 16_777_216, negativeTtlMs: 1_000 },
    kms: { timeoutMs: 10_000, attemptTimeoutMs: 3_000, maxConcurrent: 32, maxQueued: 256, maxAttempts: 3 },
    processes: 1,
    drain: { timeoutMs: 20_000 },
    telemetry: { maxTenantLabels: 50, metricsShowTenants: false },
    audit: {
      mode: 'required',
      directory: '/etc/keyside/audit',
      asyncWindowMs: 200,
      segmentBytes: 16 * 1024 * 1024,
      maxBytes: 1024 * 1024 * 1024,
      maxAgeMs: 604_800_000,
      checkpointIntervalMs: 60_000,
      signingKeyFile: undefined,
      sinks: [],
    },
    isReflectionOn: true,
    log: { level: 'info' },
  });
});

test('all faults are reported together, each with its line', () => {
  const text = `listen:
  tcp: 0.0.0.0:7460
  http: "9"
  tls: {certificateFile: a}
reload: {interval: 1}
callers:
  - {id: anonymous, tokenFile: x, tenants: ['*', b], operations: [encrpt]}
  - {id: b, tenants: [], operations: ['*']}
  - {id: b, tokenFile: 3, tenants: ["a b"], operations: [encrypt, '*']}
limits: {maxDocumentBytes: 9MiB, maxFields: 1.5}
kms: {timeout: 1s}
cache:
reflection: yes
log: {level: warning}
extra: 1
`;
  assert.deepEqual(faultsOf(text), [
    '1:1: tenants: is missing',
    '2:8: listen.tcp: can be reached from other machines: give a loopback address, or listen.tls with certificateFile, privateKeyFile and clientCaFile',
    '3:9: listen.http: must be an address and a port, such as 127.0.0.1:7460, [::1]:7460 or localhost:7460, or off',
    '4:3: listen.tls.privateKeyFile: is missing',
    '4:3: listen.tls.clientCaFile: is missing',
    '5:20: reload.interval: must be a whole number with a unit, such as 250ms, 60s, 5m, 1h or 7d',
    '7:10: callers[0].id: is taken: so is called who calls without a token',
    '7:35: callers[0].tenants: names others beside *, which is all of them',
    '7:67: callers[0].operations[0]: must be encrypt, decrypt, rewrap, rewrap-target, check-key, list-keys, drop-keys, log-event or *',
    '8:5: callers[1].tokenFile: is missing',
    '8:13: callers[1].tenants: must not be empty',
    '9:10: callers[2].id: is the id of another caller',
    '9:24: callers[2].tokenFile: must be a text, not a number',
    '9:37: callers[2].tenants[0]: must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -, or *',
    '9:45: callers[2].operations: names others beside *, which is all of them',
    '10:45: limits.maxFields: must be a whole number, not a fraction',
    '11:1: kms.attemptTimeout: must not be more than kms.timeout',
    '12:1: cache: must be a mapping, not nothing',
    '13:13: reflection: must be true or false, not a text',
    '14:14: log.level: must be debug, info, warn or error',
    '15:1: extra: is not a known key',
  ]);
});

const TLS = 'tls: {certificateFile: c.pem, privateKeyFile: k.pem, clientCaFile: ca.pem}';

const LISTENERS = [
  { name: 'loopback without TLS', listen: 'tcp: 127.0.0.2:1' },
  { name: 'localhost without TLS', listen: 'tcp: localhost:1' },
  { name: 'IPv6 loopback without TLS', listen: "tcp: '[::1]:1'" },
  { name: 'a routable address with TLS', listen: `tcp: 10.0.0.1:1, ${TLS}` },
  { name: 'any address with TLS', listen: `tcp: 0.0.0.0:1, ${TLS}` },
  { name: 'HTTP on any address', listen: 'http: 0.0.0.0:7461' },
  { name: 'a Unix socket alone', listen: 'tcp: off, unix: run/keyside.sock, http: off' },
  { name: 'any address without TLS', listen: 'tcp: 0.0.0.0:1', fault: /listen.tcp: can be reached from other machines/ },
  { name: 'any IPv6 address without TLS', listen: "tcp: '[::]:1'", fault: /listen.tcp: can be reached/ },
  { name: 'a host name without TLS', listen: 'tcp: keyside.internal:1', fault: /listen.tcp: can be reached/ },
  { name: 'no API at all', listen: 'tcp: off', fault: /^2:1: listen: needs at least one of tcp and unix$/ },
  { name: 'a port beyond 65,535', listen: 'tcp: 127.0.0.1:65536', fault: /listen.tcp: must be an address and a port/ },
  { name: 'a number as address', listen: 'tcp: 7460', fault: /listen.tcp: must be an address and a port/ },
  {
    name: 'a socket path that the system cannot bind',
    listen: `unix: ${'s'.repeat(100)}`,
    fault: /listen.unix: is longer than 107 bytes/,
  },
];

for (const { name, listen, fault } of LISTENERS) {
  test(`${fault === undefined ? 'accepts' : 'refuses'} ${name}`, () => {
    if (fault === undefined) assert.doesNotThrow(() => parse(`listen: {${listen}}\n`));
    else assert.match(faultsOf(`tenants: t\nlisten: {${listen}}\n`).join('\n'), fault);
  });
}

test('a routable address with part of the TLS files is refused with words for both', () => {
  const faults = faultsOf('tenants: t\nlisten: {tcp: 10.0.0.1:1, tls: {certificateFile: c, privateKeyFile: k}}\n').join('\n');
  assert.match(faults, /listen.tcp: can be reached/);
  assert.match(faults, /listen.tls.clientCaFile: is missing/);
});

test("every path is relative to the file's folder", () => {
  const config = parse(`listen: {unix: run/k.sock, ${TLS}}
callers: [{id: billing, tokenFile: tokens/billing, tenants: [acme], operations: [encrypt]}]
`);
  assert.equal(config.listen.unixPath, '/etc/keyside/run/k.sock');
  assert.deepEqual(config.listen.tls, {
    certificateFile: '/etc/keyside/c.pem',
    privateKeyFile: '/etc/keyside/k.pem',
    clientCaFile: '/etc/keyside/ca.pem',
  });
  assert.equal(config.callers[0]?.tokenFile, '/etc/keyside/tokens/billing');
});

test('* stands for all tenants and all operations', () => {
  const { callers } = parse(`callers:
  - {id: one, tokenFile: a, tenants: [acme, globex], operations: [encrypt, decrypt]}
  - {id: all, tokenFile: b, tenants: ['*'], operations: ['*']}
`);
  assert.deepEqual(
    callers.map(({ tenants, operations }) => ({ tenants, operations })),
    [
      { tenants: new Set(['acme', 'globex']), operations: new Set(['encrypt', 'decrypt']) },
      { tenants: undefined, operations: undefined },
    ],
  );
});

test('a document may not be larger than a message', () => {
  assert.match(
    faultsOf('tenants: t\nlimits: {maxDocumentBytes: 2MiB, maxMessageBytes: 1MiB}\n').join('\n'),
    /^2:28: limits.maxDocumentBytes: must not be more than limits.maxMessageBytes$/,
  );
});

test('the largest message finds room in the memory for all calls, and in that of one caller', () => {
  assert.deepEqual(
    faultsOf('tenants: t\nlimits: {maxMessageBytes: 64MiB, maxBytesInFlight: 255MiB, maxBytesInFlightPerCaller: 256MiB}\n'),
    ['2:52: limits.maxBytesInFlight: must be at least 4 times limits.maxMessageBytes'],
  );
  assert.match(
    faultsOf('tenants: t\nlimits: {maxMessageBytes: 64MiB}\n').join(),
    /maxBytesInFlightPerCaller: must be at least 4/,
  );
});

test('every process finds one call to a key in its share', () => {
  assert.equal(parse('sidecar: { processes: 32 }').processes, 32);
  assert.deepEqual(faultsOf('tenants: t\nsidecar: {processes: 3}\nkms: {maxConcurrent: 2}\n'), [
    '2:22: sidecar.processes: must not be more than kms.maxConcurrent, which the processes share',
  ]);
  assert.match(faultsOf('tenants: t\nsidecar: {processes: 0}\n').join(), /sidecar\.processes/);
});

test('the audit trail takes what the file says, its paths from the folder of the file', () => {
  const { audit } = parse(`audit:
  mode: async
  asyncWindow: 50ms
  directory: ../spool
  maxBytes: 8MiB
  segmentBytes: 2MiB
  maxAge: 36h
  checkpointInterval: 5m
  signingKeyFile: keys/audit.pem
  sinks: [{ name: out, kind: stdout, events: [security] }]
`);
  assert.deepEqual(audit, {
    mode: 'async',
    asyncWindowMs: 50,
    directory: '/etc/spool',
    maxBytes: 8 * 2 ** 20,
    segmentBytes: 2 * 2 ** 20,
    maxAgeMs: 36 * 3_600_000,
    checkpointIntervalMs: 300_000,
    signingKeyFile: '/etc/keyside/keys/audit.pem',
    sinks: [{ name: 'out', kind: 'stdout', events: ['security'], settings: {} }],
  });
  assert.equal(parse('audit: { mode: off }').audit.mode, 'off');
});

test('the spool has room for four segments', () => {
  const words = 'audit.maxBytes: must be at least 4 times audit.segmentBytes';
  assert.equal(parse('audit: {maxBytes: 64MiB}').audit.maxBytes, 64 * 2 ** 20);
  assert.deepEqual(faultsOf('tenants: t\naudit: {maxBytes: 63MiB}\n'), [`2:19: ${words}`]);
  assert.deepEqual(faultsOf('tenants: t\naudit: {segmentBytes: 257MiB}\n'), [`2:1: ${words}`]);
});

const AUDIT_FAULTS = [
  { audit: 'mode: none', fault: '2:15: audit.mode: must be required, async or off' },
  { audit: 'directory: ""', fault: '2:20: audit.directory: must not be empty' },
  { audit: 'asyncWindow: 11s', fault: '2:22: audit.asyncWindow: must be from 1ms to 10s' },
  { audit: 'maxAge: 7', fault: '2:17: audit.maxAge: must be a whole number with a unit, such as 250ms, 60s, 5m, 1h or 7d' },
  { audit: 'checkpointInterval: 0s', fault: '2:29: audit.checkpointInterval: must be from 1s to 1d' },
  { audit: 'maxBytes: 1MiB', fault: '2:19: audit.maxBytes: must be from 4MiB to 1024GiB' },
  { audit: 'segmentBytes: 64KiB', fault: '2:23: audit.segmentBytes: must be from 1MiB to 1GiB' },
  { audit: 'sink: []', fault: '2:9: audit.sink: is not a known key' },
];

for (const { audit, fault } of AUDIT_FAULTS) {
  test(`refuses the audit trail {${audit}}`, () => assert.deepEqual(faultsOf(`tenants: t\naudit: {${audit}}\n`), [fault]));
}

test('a file that cannot be read is a ConfigurationError', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-config-'));
  try {
    const file = join(folder, 'keyside.yaml');
    const refusal = (words: RegExp) => (error: unknown) => error instanceof ConfigurationError && words.test(error.message);
    assert.throws(() => loadDaemonConfig(file), refusal(/keyside.yaml: cannot be read: no such file or folder$/));
    writeFileSync(file, Buffer.from([0x74, 0xff, 0xfe]));
    assert.throws(() => loadDaemonConfig(file), refusal(/keyside.yaml: is not valid UTF-8$/));
    assert.throws(() => loadDaemonConfig(folder), refusal(/cannot be read: EISDIR$/));
    writeFileSync(file, '\uFEFFtenants: ./tenants\n');
    assert.equal(loadDaemonConfig(file).tenantsPath, join(folder, 'tenants'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
