import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { EncryptResponse } from '../../src/gen/keyside/v1/crypto.ts';
import { CheckKeyRequest, DropKeysRequest, DropKeysResponse } from '../../src/gen/keyside/v1/key.ts';
import { createKey, disableKey } from '../../src/kms/local/store.ts';
import { type DaemonProcess, keysideProgram, run, startDaemon, temporaryDirectory } from './daemon-process.ts';
import { type Ended, RawClient } from './raw-client.ts';
import { CRYPTO, decryptRequest, encryptRequest, metadata } from './requests.ts';

const LISTEN = 'tcp: "127.0.0.1:0", http: "127.0.0.1:0"';
const FIELDS = new Map([['ssn', Buffer.from('123-45-6789')]]);
const REQUESTER = metadata({ requesterId: 'test' });

interface World {
  readonly directory: string;
  readonly daemon: DaemonProcess;
  /** A client with a connection of its own, once it has one. */
  connect(address?: string): Promise<RawClient>;
  /** Reads one metric: the sum over its samples of each process. */
  metric(name: string): Promise<Readonly<Record<string, number>>>;
  readiness(): Promise<number>;
}

async function configure(t: TestContext, { listen = LISTEN, more = '' }: { listen?: string; more?: string }): Promise<string> {
  const directory = temporaryDirectory(t);
  await createKey(join(directory, 'acme.json'), { id: 'acme', now: new Date() });
  const key = '{ id: acme-key, provider: local, state: primary, local: { storeFile: acme.json } }';
  writeFileSync(join(directory, 'tenants.yaml'), `tenants:\n  acme: { keys: [${key}] }\n`);
  writeFileSync(
    join(directory, 'keyside.yaml'),
    `listen: { ${listen} }\ntenants: tenants.yaml\nsidecar: { processes: 2 }\n${more}\n`,
  );
  return directory;
}

async function world(t: TestContext, listen?: (directory: string) => string): Promise<World> {
  const directory = await configure(t, {});
  if (listen !== undefined) {
    const file = join(directory, 'keyside.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(LISTEN, listen(directory)));
  }
  const daemon = await startDaemon(['--config', join(directory, 'keyside.yaml')], { OTEL_METRICS_EXPORTER: 'prometheus' });
  const clients: RawClient[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await daemon.stop();
  });
  return {
    directory,
    daemon,
    async connect(address = daemon.tcp) {
      const client = new RawClient(address, { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_reconnect_backoff_ms': 200 });
      clients.push(client);
      assert.equal((await encrypt(client)).reason, 'OK');
      return client;
    },
    metric: (name) => readMetric(daemon, name),
    readiness: async () => (await fetch(`http://${daemon.http}/readyz`)).status,
  };
}

async function readMetric(daemon: DaemonProcess, name: string): Promise<Readonly<Record<string, number>>> {
  // A collection serves for a second.
  await setTimeout(1_100);
  const text = await (await fetch(`http://${daemon.http}/metrics`)).text();
  const sums: Record<string, number> = {};
  for (const [, process, value] of text.matchAll(new RegExp(`^${name}\\{process="(\\d+)".*\\} (\\S+)$`, 'gm'))) {
    sums[process as string] = (sums[process as string] ?? 0) + Number(value);
  }
  return sums;
}

const encrypt = (client: RawClient): Promise<Ended> =>
  client.call({ method: `${CRYPTO}/Encrypt`, request: encryptRequest({ fields: FIELDS, metadata: REQUESTER }) });

const decrypt = (client: RawClient, { bytes }: Ended): Promise<Ended> => {
  const { fields, edek } = EncryptResponse.decode(bytes);
  return client.call({ method: `${CRYPTO}/Decrypt`, request: decryptRequest({ fields, edek, metadata: REQUESTER }) });
};

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + 20_000;
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, `it never happened: ${what}`);
    await setTimeout(10);
  }
}

/** The processes that serve, by number, as the log tells. */
function pids({ log }: DaemonProcess): Map<number, number> {
  const serving = log.filter(({ message }) => message === 'process serves');
  return new Map(serving.map(({ process, pid }) => [process as number, pid as number]));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that ended and was not yet waited for still takes signals.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('several processes', () => {
  it('share a TCP listener: all answer, and what one wrote another reads', async (t) => {
    const { daemon, connect, metric, readiness } = await world(t);
    assert.equal(new Set(pids(daemon).values()).size, 2);
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect()));
    for (const [at, client] of clients.entries()) {
      const written = await encrypt(client);
      for (const reader of [at, at + 1, at + 2]) {
        assert.equal((await decrypt(clients[reader % clients.length] as RawClient, written)).reason, 'OK');
      }
    }
    // Six connections: six first calls, six more, 18 readings, and each process has half of the connections.
    assert.deepEqual(await metric('keyside_request_duration_seconds_count'), { 1: 15, 2: 15 });
    assert.equal(await readiness(), 200);
    const calls = daemon.log.filter(({ outcome }) => outcome === 'OK');
    assert.deepEqual(new Set(calls.map(({ process }) => process)), new Set([1, 2]));
    const listening = daemon.log.filter(({ message }) => message === 'listening');
    assert.deepEqual(
      listening.map(({ processes, process, tenants }) => [processes, process, tenants]),
      [[2, undefined, 1]],
      'said once',
    );
    assert.equal(await daemon.stop(), 0);
  });

  it('share a Unix socket, which has its permissions, takes the place of a stale one and is gone at the end', async (t) => {
    const path = (directory: string): string => join(directory, 'run', 'keyside.sock');
    const { directory, daemon, connect, metric } = await world(t, (at) => `tcp: "off", unix: ${path(at)}, http: "127.0.0.1:0"`);
    const socket = path(directory);
    assert.equal((statSync(socket).mode & 0o7777).toString(8), '660');
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(`unix:${socket}`)));
    const written = await encrypt(clients[0] as RawClient);
    for (const client of clients) assert.equal((await decrypt(client, written)).reason, 'OK');
    assert.deepEqual(Object.keys(await metric('keyside_request_duration_seconds_count')), ['1', '2']);

    const file = join(directory, 'keyside.yaml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${before}audit: { directory: another }\n`);
    const second = await run(process.execPath, [keysideProgram, 'sidecar', '--config', file]);
    writeFileSync(file, before);
    assert.equal(second.code, 1);
    assert.equal(second.stderr.trim(), `cannot listen on ${socket}: another process answers there`);
    assert.equal((await encrypt(clients[1] as RawClient)).reason, 'OK', 'the first daemon is as it was');

    daemon.process.kill('SIGKILL');
    await once(daemon.process, 'exit');
    assert.ok(existsSync(socket), 'nobody was left to remove it');
    await until(() => [...pids(daemon).values()].every((pid) => !isRunning(pid)), 'processes end without their supervisor');
    const next = await startDaemon(['--config', join(directory, 'keyside.yaml')]);
    assert.equal((await decrypt(await connect(`unix:${socket}`), written)).reason, 'OK');
    assert.equal(await next.stop(), 0);
    assert.ok(!existsSync(socket));
  });

  it('one is killed under load: calls on the others’ connections go on, it is replaced, readiness dips and returns', async (t) => {
    const { daemon, connect, readiness } = await world(t);
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect()));
    let isOver = false;
    const loads = clients.map(async (client) => {
      const ends = new Map<string, number>();
      while (!isOver) {
        const { code } = await encrypt(client);
        ends.set(code, (ends.get(code) ?? 0) + 1);
      }
      return ends;
    });
    const victim = pids(daemon).get(1) as number;
    process.kill(victim, 'SIGKILL');
    await until(async () => (await readiness()) === 503, 'not ready');
    await until(async () => (await readiness()) === 200, 'ready again');
    isOver = true;
    const ends = await Promise.all(loads);
    const unharmed = ends.filter((each) => [...each.keys()].join() === 'OK');
    assert.equal(unharmed.length, 3, JSON.stringify(ends.map((each) => [...each])));
    for (const each of ends)
      assert.deepEqual(
        [...each.keys()].filter((code) => code !== 'OK' && code !== 'UNAVAILABLE'),
        [],
      );
    const ended = daemon.log.find(({ message }) => message === 'process ended; it is replaced');
    assert.deepEqual([ended?.process, ended?.pid, ended?.signal], [1, victim, 'SIGKILL']);
    assert.notEqual(pids(daemon).get(1), victim);
    for (const client of clients) await until(async () => (await encrypt(client)).code === 'OK', 'every client is served again');
    assert.equal(await daemon.stop(), 0);
  });

  it('one ends with connections on their way to it: another takes them, and no client waits', async (t) => {
    const { daemon } = await world(t);
    const victim = pids(daemon).get(1) as number;
    // It takes nothing any more of what it is sent.
    process.kill(victim, 'SIGSTOP');
    const clients = Array.from({ length: 8 }, () => new RawClient(daemon.tcp, { 'grpc.use_local_subchannel_pool': 1 }));
    t.after(() => {
      for (const client of clients) client.close();
    });
    const calls = clients.map((client) => encrypt(client));
    await Promise.race(calls);
    await setTimeout(200);
    process.kill(victim, 'SIGKILL');
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    assert.ok(codes.filter((code) => code === 'OK').length >= 7, codes.join());
    assert.ok(!codes.includes('DEADLINE_EXCEEDED'), codes.join());
  });

  it('a process that is told to end by itself drains, and is replaced', async (t) => {
    const { daemon, connect } = await world(t);
    const client = await connect();
    const first = pids(daemon).get(2) as number;
    process.kill(first, 'SIGTERM');
    await until(() => pids(daemon).get(2) !== first, 'replaced');
    assert.equal(daemon.log.find(({ message }) => message === 'process ended; it is replaced')?.exitCode, 0);
    assert.equal((await encrypt(client)).reason, 'OK');
  });
});

describe('data keys in several processes', () => {
  it('are forgotten in all where DropKeys says so to one', async (t) => {
    const { connect, metric } = await world(t);
    const clients = [await connect(), await connect()];
    assert.deepEqual(await metric('keyside_data_key_leases'), { 1: 1, 2: 1 });
    const held = await metric('keyside_data_key_entries');
    const request = DropKeysRequest.encode({ tenantId: 'acme', keyId: '' }).finish();
    const ended = await (clients[0] as RawClient).call({ method: 'keyside.v1.KeyService/DropKeys', request });
    assert.equal(ended.reason, 'OK');
    assert.deepEqual(await metric('keyside_data_key_leases'), { 1: 0, 2: 0 });
    assert.deepEqual(await metric('keyside_data_key_entries'), { 1: 0, 2: 0 });
    assert.equal(DropKeysResponse.decode(ended.bytes).dropped, 2 + (held[1] ?? 0) + (held[2] ?? 0));
  });

  it('go in all once one learns of a revocation', async (t) => {
    const { directory, connect, metric } = await world(t);
    const clients = [await connect(), await connect()];
    await disableKey(join(directory, 'acme.json'));
    const request = CheckKeyRequest.encode({ tenantId: 'acme', keyId: '' }).finish();
    await (clients[1] as RawClient).call({ method: 'keyside.v1.KeyService/CheckKey', request });
    assert.deepEqual(await metric('keyside_data_key_leases'), { 1: 0, 2: 0 });
    assert.equal((await encrypt(clients[0] as RawClient)).reason, 'KEY_REVOKED');
  });
});

describe('stopping several processes', () => {
  it('lets running calls end, refuses new ones, and exits with 0 when all have ended', async (t) => {
    // A KMS that takes connections and says nothing.
    const kms = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(kms, 'listening');
    const address = kms.address();
    assert.ok(typeof address === 'object' && address !== null);
    const directory = await configure(t, { more: 'kms: { timeout: 2s, attemptTimeout: 2s }' });
    writeFileSync(join(directory, 'credentials'), '[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n', {
      mode: 0o600,
    });
    const aws = `keyId: 1234abcd-12ab-34cd-56ef-1234567890ab, region: eu-central-1, endpoint: "http://127.0.0.1:${address.port}"`;
    writeFileSync(
      join(directory, 'tenants.yaml'),
      `tenants:\n  acme: { keys: [{ id: slow, provider: aws, state: primary, aws: { ${aws}, credentials: { source: file, file: credentials } } }] }\n`,
    );
    const daemon = await startDaemon(['--config', join(directory, 'keyside.yaml')]);
    const clients = [0, 1].map(() => new RawClient(daemon.tcp, { 'grpc.use_local_subchannel_pool': 1 }));
    t.after(async () => {
      for (const client of clients) client.close();
      await daemon.stop();
      kms.close();
    });
    const reached = Promise.withResolvers<void>();
    let connections = 0;
    kms.on('connection', () => {
      connections += 1;
      if (connections === 2) reached.resolve();
    });
    const waiting = clients.map((client) => encrypt(client));
    await reached.promise;
    const stopped = daemon.stop();
    await until(() => daemon.log.some(({ message }) => message === 'stopping'), 'stopping');
    await until(async () => (await encrypt(clients[0] as RawClient)).reason === 'DRAINING', 'new calls are refused');
    assert.equal((await fetch(`http://${daemon.http}/readyz`)).status, 503);
    assert.equal((await fetch(`http://${daemon.http}/livez`)).status, 200);
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ reason }) => reason),
      ['KMS_TIMEOUT', 'KMS_TIMEOUT'],
      'they ended by themselves, not by the shutdown',
    );
    assert.equal(await stopped, 0);
  });

  it('exits with 1 where one does not end as it should', async (t) => {
    const { daemon } = await world(t);
    const victim = pids(daemon).get(2) as number;
    // It hears nothing any more, not even that it is to stop.
    process.kill(victim, 'SIGSTOP');
    const stopped = daemon.stop();
    await until(() => daemon.log.some(({ message }) => message === 'stopping'), 'stopping');
    process.kill(victim, 'SIGKILL');
    assert.equal(await stopped, 1);
    assert.equal(daemon.log.find(({ message }) => message === 'the shutdown failed')?.error, 'process 2 ended with SIGKILL');
  });
});

describe('several processes that cannot start', () => {
  const start = (directory: string) =>
    run(process.execPath, [keysideProgram, 'sidecar', '--config', join(directory, 'keyside.yaml')]);

  for (const { what, more, says } of [
    {
      what: 'a token file that is missing',
      more: "callers: [{ id: app, tokenFile: missing, tenants: ['*'], operations: ['*'] }]",
      says: /ENOENT.*missing/,
    },
    {
      what: 'more processes than calls to a key',
      more: 'kms: { maxConcurrent: 1 }',
      says: /sidecar\.processes: must not be more/,
    },
  ]) {
    it(`say once what is wrong: ${what}`, async (t) => {
      const directory = await configure(t, { more });
      const { code, stdout, stderr } = await start(directory);
      assert.equal(code, 1);
      assert.match(stderr, says);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.equal(stdout, '');
    });
  }

  it('say once what is wrong: tenants at fault, each fault with its line', async (t) => {
    const directory = await configure(t, {});
    writeFileSync(join(directory, 'tenants.yaml'), 'tenants: { acme: { kays: [] }, globex: 1 }\n');
    const { code, stderr } = await start(directory);
    assert.equal(code, 1);
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, new Set(lines).size);
    assert.ok(lines.length >= 2, stderr);
    for (const line of lines) assert.match(line, /tenants\.yaml:1:\d+: /);
  });

  it('say once what is wrong: an address that is taken', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const address = taken.address();
    assert.ok(typeof address === 'object' && address !== null);
    const directory = await configure(t, { listen: `tcp: "127.0.0.1:${address.port}", http: "off"` });
    const { code, stderr } = await start(directory);
    assert.equal(code, 1);
    assert.equal(stderr.trim(), `cannot listen on 127.0.0.1:${address.port}: another process listens there`);
  });
});
