import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EncryptResponse } from '../src/gen/keyside/v1/crypto.ts';
import { KeysideClient, type KeysideClientOptions, UnavailableError } from '../src/index.ts';
import { connected, FakeDaemon } from './fake-daemon.ts';

const FIELDS = { ssn: '123' };
const ACME = { tenantId: 'acme' };
const ENCRYPTED = EncryptResponse.encode({ fields: new Map(), edek: Uint8Array.of(7) }).finish();

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Where nobody listens: a port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function clientOf(t: TestContext, options: KeysideClientOptions): KeysideClient {
  const client = new KeysideClient({ environment: {}, ...options });
  t.after(() => client.close());
  return client;
}

describe('a daemon that is not there', () => {
  it('is waited for until it is', async (t) => {
    const port = await freePort();
    const client = clientOf(t, { address: `127.0.0.1:${port}` });
    const calls = Array.from({ length: 20 }, () => client.encrypt(FIELDS, ACME));
    const daemon = new FakeDaemon(ENCRYPTED);
    t.after(() => daemon.stop());
    await new Promise((resolve) => setTimeout(resolve, 150));
    await daemon.listen(port);
    await Promise.all(calls);
    assert.equal(daemon.calls.length, 20);
  });

  it('may make the token while it is waited for', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-client-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const [port, tokenFile] = [await freePort(), join(folder, 'token')];
    const call = clientOf(t, { address: `127.0.0.1:${port}`, tokenFile }).encrypt(FIELDS, ACME);
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(tokenFile, 'fresh');
    const daemon = new FakeDaemon(ENCRYPTED);
    t.after(() => daemon.stop());
    await daemon.listen(port);
    await call;
    assert.equal(daemon.calls[0]?.headers.authorization, 'Bearer fresh');
  });

  it('is told with its address and the reason, once connectTimeoutMs or the deadline is over', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const message = `UNAVAILABLE: no daemon answers at ${address} (connection refused)`;
    for (const options of [{ connectTimeoutMs: 0 }, { connectTimeoutMs: 150 }, { timeoutMs: 150 }]) {
      await assert.rejects(clientOf(t, { address, ...options }).encrypt(FIELDS, ACME), (error) => {
        assert.ok(error instanceof UnavailableError);
        assert.deepEqual([error.message, error.isRetryable, error.code], [message, true, 'UNAVAILABLE']);
        return true;
      });
    }
  });

  it('is waited for no longer once the signal or the client has ended', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const client = clientOf(t, { address });
    await assert.rejects(client.encrypt(FIELDS, ACME, { signal: AbortSignal.timeout(20) }), { reason: 'CANCELLED' });
    const waiting = assert.rejects(client.encrypt(FIELDS, ACME), { message: 'CANCELLED: the client is closed' });
    client.close();
    await waiting;
    await assert.rejects(client.encrypt(FIELDS, ACME), { reason: 'CANCELLED' });
  });

  it('is not what listens there and says nothing, hangs up, or speaks something else', async (t) => {
    const silent = await listening(t, createServer((socket) => void socket.unref().on('error', () => undefined)).unref());
    const rude = await listening(
      t,
      createServer((socket) => socket.destroy()),
    );
    const web = await listening(
      t,
      createHttpServer((_request, response) => response.end('hello')),
    );
    for (const [port, says] of [
      [silent, /\(it does not answer\)$/],
      [rude, /\((it closed the connection|it broke the connection off)\)$/],
      [web, /\(.+\)$/],
    ] as const) {
      const client = clientOf(t, { address: `127.0.0.1:${port}`, timeoutMs: 150 });
      await assert.rejects(client.encrypt(FIELDS, ACME), (error) => {
        assert.ok(error instanceof UnavailableError, `threw ${error}`);
        assert.match(error.message, says);
        return true;
      });
    }
  });
});

describe('a connection', () => {
  it('is made again after the daemon was started anew', async (t) => {
    const { client, daemon, address } = await connected(t, [ENCRYPTED]);
    await client.encrypt(FIELDS, ACME);
    daemon.stop();
    const port = Number(address.split(':')[1]);
    const successor = new FakeDaemon(ENCRYPTED);
    t.after(() => successor.stop());
    await new Promise((resolve) => setTimeout(resolve, 20));
    await successor.listen(port);
    await client.encrypt(FIELDS, ACME);
    assert.equal(successor.calls.length, 1);
  });

  it('that the daemon is leaving takes no new calls', async (t) => {
    const sessions = new Set<unknown>();
    const { client } = await connected(t, [
      (stream) => {
        const { session } = stream;
        sessions.add(session);
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true });
        session?.goaway();
      },
    ]);
    for (let call = 0; call < 3; call++) {
      await assert.rejects(client.encrypt(FIELDS, ACME), { reason: 'NOT_FOUND' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(sessions.size, 3);
  });

  it('lets calls under way end when the client is closed', async (t) => {
    const { client } = await connected(t, [
      (stream) => {
        setTimeout(
          () => stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true }),
          50,
        );
      },
    ]);
    const call = assert.rejects(client.encrypt(FIELDS, ACME), { reason: 'NOT_FOUND' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    client[Symbol.dispose]();
    await call;
  });

  it('that nobody uses lets the process end', async (t) => {
    const { address } = await connected(t, [ENCRYPTED]);
    const index = join(import.meta.dirname, '../src/index.ts');
    const program = `
      import { KeysideClient } from ${JSON.stringify(index)};
      const client = new KeysideClient({ address: process.argv[1] });
      console.log((await client.encrypt({ a: 'b' }, { tenantId: 'acme' })).edek.length);
    `;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program, address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const [code] = await once(child, 'exit');
    assert.deepEqual([code, printed], [0, '1\n']);
  });
});
