import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createKey } from '../../src/kms/local/store.ts';
import { type DaemonProcess, startDaemon, temporaryDirectory } from './daemon-process.ts';
import { type Ended, RawClient } from './raw-client.ts';
import { CRYPTO, encryptRequest } from './requests.ts';

/** A KMS that takes connections and says nothing. */
class SilentKms {
  readonly #server: Server = createServer((socket) => {
    this.sockets.add(socket);
    socket.on('data', () => {
      this.requests += 1;
    });
    socket.on('error', () => undefined); // whoever gives up on us resets the connection
    socket.on('close', () => this.sockets.delete(socket));
  });
  readonly sockets = new Set<Socket>();
  requests = 0;

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }
}

interface World {
  readonly kms: SilentKms;
  readonly daemon: DaemonProcess;
  readonly client: RawClient;
  /** Encrypts for the tenant whose KMS says nothing. */
  silent(options?: { deadlineMs?: number; onStarted?: (call: { cancel(): void }) => void }): Promise<Ended>;
  /** Encrypts for the tenant whose key is at hand. */
  prompt(): Promise<Ended>;
}

async function world(t: TestContext, settings: string): Promise<World> {
  const kms = new SilentKms();
  const endpoint = await kms.listen();
  const directory = temporaryDirectory(t);
  await createKey(join(directory, 'acme.json'), { id: 'acme', now: new Date() });
  writeFileSync(join(directory, 'credentials'), '[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n', {
    mode: 0o600,
  });
  const aws = `keyId: 1234abcd-12ab-34cd-56ef-1234567890ab, region: eu-central-1, endpoint: "${endpoint}"`;
  const tenants = [
    '  acme: { keys: [{ id: acme-key, provider: local, state: primary, local: { storeFile: acme.json } }] }',
    `  slow: { keys: [{ id: slow-key, provider: aws, state: primary, aws: { ${aws}, credentials: { source: file, file: credentials } } }] }`,
  ];
  writeFileSync(join(directory, 'tenants.yaml'), `tenants:\n${tenants.join('\n')}\n`);
  writeFileSync(
    join(directory, 'keyside.yaml'),
    `listen: { tcp: "127.0.0.1:0", http: "127.0.0.1:0" }\ntenants: tenants.yaml\n${settings}\n`,
  );
  const daemon = await startDaemon(['--config', join(directory, 'keyside.yaml')]);
  const client = new RawClient(daemon.tcp);
  t.after(async () => {
    client.close();
    kms.close();
    await daemon.stop();
  });
  const method = `${CRYPTO}/Encrypt`;
  return {
    kms,
    daemon,
    client,
    silent: (options) => client.call({ method, request: encryptRequest({ tenantId: 'slow' }), ...options }),
    prompt: () => client.call({ method, request: encryptRequest({}) }),
  };
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + 5_000;
  while (!holds()) {
    assert.ok(Date.now() < endMs, 'it never happened');
    await setTimeout(10);
  }
}

describe('a call that waits for a KMS', () => {
  it("ends at the caller's deadline, while another tenant's call is answered", async (t) => {
    const { silent, prompt, kms } = await world(t, 'kms: { timeout: 20s, attemptTimeout: 20s }');
    const waiting = silent({ deadlineMs: 1_500 });
    await until(() => kms.requests > 0);
    assert.equal((await prompt()).reason, 'OK');
    assert.equal((await waiting).code, 'DEADLINE_EXCEEDED');
  });

  it("ends with KMS_TIMEOUT at the daemon's own limit, with a time to retry after", async (t) => {
    const { silent } = await world(t, 'kms: { timeout: 400ms, attemptTimeout: 200ms }');
    const ended = await silent();
    assert.deepEqual(
      [ended.reason, ended.code, ended.details.get('keyId') ?? 'slow-key'],
      ['KMS_TIMEOUT', 'DEADLINE_EXCEEDED', 'slow-key'],
    );
    assert.ok(Number(ended.retryAfterMs) > 0);
  });

  it('lets go of the KMS when the caller cancels', async (t) => {
    const { silent, kms, daemon } = await world(t, 'kms: { timeout: 20s, attemptTimeout: 20s }');
    let cancel = (): void => assert.fail('the call was not started');
    const waiting = silent({ onStarted: (call) => (cancel = () => call.cancel()) });
    await until(() => kms.requests > 0 && kms.sockets.size > 0);
    cancel();
    assert.equal((await waiting).code, 'CANCELLED');
    await until(() => kms.sockets.size === 0);
    await until(() => daemon.log.some(({ outcome }) => outcome === 'CANCELLED'));
  });
});

describe('the daemon', () => {
  it('refuses calls beyond its limit with OVERLOADED and a time to retry after', async (t) => {
    const { silent, prompt, kms } = await world(t, 'limits: { maxConcurrentCalls: 1 }\nkms: { timeout: 1s, attemptTimeout: 1s }');
    const waiting = silent();
    await until(() => kms.requests > 0);
    const refused = await prompt();
    assert.deepEqual([refused.reason, refused.code], ['OVERLOADED', 'RESOURCE_EXHAUSTED']);
    assert.ok(Number(refused.retryAfterMs) > 0);
    await waiting;
    assert.equal((await prompt()).reason, 'OK');
  });

  it('keeps the places of other tenants free while the KMS of one says nothing', async (t) => {
    const settings =
      'limits: { maxConcurrentCalls: 50, maxConcurrentCallsPerTenant: 4 }\nkms: { timeout: 1s, attemptTimeout: 1s }';
    const { silent, prompt, kms } = await world(t, settings);
    const waiting = Array.from({ length: 20 }, () => silent());
    await until(() => kms.requests > 0);
    for (let call = 0; call < 5; call++) assert.equal((await prompt()).reason, 'OK');
    const reasons = (await Promise.all(waiting)).map(({ reason, details }) => `${reason} ${details.get('tenantId') ?? ''}`);
    assert.equal(reasons.filter((reason) => reason === 'OVERLOADED slow').length, 16);
  });

  it('drains on SIGTERM: new calls end in DRAINING, running ones run to their end, readiness turns, and it exits with 0', async (t) => {
    const { silent, prompt, kms, daemon } = await world(t, 'kms: { timeout: 1500ms, attemptTimeout: 1500ms }');
    const waiting = silent();
    await until(() => kms.requests > 0);
    const stopped = daemon.stop();
    await until(() => daemon.log.some(({ message }) => message === 'stopping'));
    const refused = await prompt();
    assert.deepEqual([refused.reason, refused.code], ['DRAINING', 'UNAVAILABLE']);
    assert.ok(Number(refused.retryAfterMs) > 0);
    assert.equal((await fetch(`http://${daemon.http}/readyz`)).status, 503);
    assert.equal((await fetch(`http://${daemon.http}/livez`)).status, 200);
    assert.equal((await waiting).reason, 'KMS_TIMEOUT', 'it ended by itself, not by the shutdown');
    assert.equal(await stopped, 0);
  });

  it('says in words why it does not start', async (t) => {
    const directory = temporaryDirectory(t);
    const file = join(directory, 'keyside.yaml');
    writeFileSync(file, 'listen: { tcp: "0.0.0.0:7460" }\ntenants: missing.yaml\nlimts: {}\n');
    await assert.rejects(startDaemon(['--config', file]), (error: Error) => {
      assert.match(error.message, /ended with 1/);
      assert.match(error.message, /keyside\.yaml:1:\d+: listen\.tcp: .*tls/);
      assert.match(error.message, /limts/);
      assert.doesNotMatch(error.message, /\n {4}at /);
      return true;
    });
  });
});
