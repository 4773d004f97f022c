import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeDaemon } from '../../../../clients/typescript/test/fake-daemon.ts';
import type { Finding } from '../../../../src/cli/doctor/finding.ts';
import { checkListeners } from '../../../../src/cli/doctor/listeners.ts';

type Listen = Parameters<typeof checkListeners>[0];

const NOWHERE: Listen = { tcp: undefined, unixPath: undefined, http: undefined, tls: undefined };

async function check(listen: Partial<Listen>): Promise<string[]> {
  const findings: Finding[] = [];
  for await (const finding of checkListeners({ ...NOWHERE, ...listen })) findings.push(finding);
  return findings.map(({ verdict, words }) => `${verdict}: ${words}`);
}

async function listening(t: TestContext, server: Server, where: string | number = 0): Promise<number> {
  await new Promise<void>((resolve) =>
    server.listen(typeof where === 'string' ? { path: where } : { port: where, host: '127.0.0.1' }, resolve),
  );
  t.after(() => server.close());
  return typeof where === 'string' ? 0 : (server.address() as AddressInfo).port;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-listen-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Speaks no gRPC. */
const silent = (): Server => createServer((socket) => socket.on('error', () => undefined).end('what\n'));

describe('a listen address', () => {
  it('is free where nobody listens', async () => {
    assert.deepEqual(await check({ tcp: { host: '127.0.0.1', port: 0 }, http: { host: '::1', port: 0 } }), [
      'ok: free',
      'ok: free',
    ]);
  });

  for (const { name, status, want } of [
    { name: 'a daemon of ours', status: 1, want: 'ok: a Keyside daemon answers here' },
    { name: 'one that shuts down', status: 2, want: 'warn: a Keyside daemon answers here and is shutting down' },
  ]) {
    it(`is told to be taken by ${name}`, async (t) => {
      const daemon = new FakeDaemon(Uint8Array.of(0x08, status));
      t.after(() => daemon.stop());
      const port = Number((await daemon.listen()).split(':')[1]);
      assert.deepEqual(await check({ tcp: { host: '127.0.0.1', port } }), [want]);
    });
  }

  it('fails where another program listens', async (t) => {
    const port = await listening(t, silent());
    const want = 'fail: another program listens here';
    assert.deepEqual(await check({ tcp: { host: '127.0.0.1', port }, http: { host: '127.0.0.1', port } }), [want, want]);
  });

  it('fails where no interface has it', async () => {
    assert.deepEqual(await check({ http: { host: '192.0.2.1', port: 7461 } }), [
      'fail: no interface of this machine has the address',
    ]);
  });

  it('is only warned of where it is taken under TLS', async (t) => {
    const port = await listening(t, silent());
    const tls = { certificateFile: '', privateKeyFile: '', clientCaFile: '' };
    const [finding] = await check({ tcp: { host: '127.0.0.1', port }, tls });
    assert.match(finding ?? '', /^warn: in use/);
  });

  it('of HTTP is ours where /livez answers', async (t) => {
    const port = await listening(
      t,
      createHttpServer((request, response) => response.writeHead(request.url === '/livez' ? 200 : 404).end()),
    );
    assert.deepEqual(await check({ http: { host: '127.0.0.1', port } }), ['ok: a Keyside daemon answers here']);
  });
});

describe('a Unix socket', () => {
  it('is free where nothing is', async (t) => {
    assert.deepEqual(await check({ unixPath: join(temporaryFolder(t), 'socket') }), ['ok: free']);
  });

  it('fails where a file is in its place', async (t) => {
    const path = join(temporaryFolder(t), 'socket');
    writeFileSync(path, '');
    assert.deepEqual(await check({ unixPath: path }), ['fail: something that is not a socket is there']);
  });

  it('fails where another program listens', async (t) => {
    const path = join(temporaryFolder(t), 'socket');
    await listening(t, silent(), path);
    assert.deepEqual(await check({ unixPath: path }), ['fail: another program listens here']);
  });
});
