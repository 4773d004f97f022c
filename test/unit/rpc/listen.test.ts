import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { bindListeners } from '../../../src/rpc/listen.ts';
import { RPC } from '../../fakes/api.ts';
import { CONNECTIONS, Edge, send } from '../../fakes/edge.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'keyside-listen-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function listenOn(t: TestContext, unix: string): Promise<void> {
  const { server } = new Edge();
  t.after(() => server.forceShutdown());
  await bindListeners(server, { tcp: undefined, unix, tls: undefined }, CONNECTIONS);
}

async function assertServes(t: TestContext, path: string): Promise<void> {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  t.after(() => client.close());
  assert.equal((await send(client, RPC.listKeys, { message: { tenantId: 'acme' } }).answer).keys.length, 2);
}

/** The socket file of a process that ended without removing it. */
function leaveStaleSocket(path: string): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  try {
    execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' });
  } catch {
    // killed, as it should be
  }
  assert.ok(statSync(path).isSocket());
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('listening on a Unix socket', () => {
  it('makes its folder for owner and group, the socket for them to use, and serves, whatever the umask', async (t) => {
    const before = process.umask(0);
    t.after(() => process.umask(before));
    const path = join(folder(t), 'run', 'keyside.sock');
    await listenOn(t, path);
    assert.deepEqual([modeOf(join(path, '..')), modeOf(path)], ['750', '660']);
    assert.equal(process.umask(), 0, 'the umask is what it was');
    await assertServes(t, path);
  });

  it('takes the place of a socket at which nobody answers any more', async (t) => {
    const path = join(folder(t), 'keyside.sock');
    leaveStaleSocket(path);
    await listenOn(t, path);
    await assertServes(t, path);
  });

  it('leaves a socket alone at which somebody answers', async (t) => {
    const path = join(folder(t), 'keyside.sock');
    await listenOn(t, path);
    await assert.rejects(listenOn(t, path), { message: `cannot listen on ${path}: another process answers there` });
    await assertServes(t, path);
  });

  it('leaves a socket alone whose owner is too busy to answer', async (t) => {
    const path = join(folder(t), 'keyside.sock');
    const busy = createServer().listen({ path, backlog: 1 });
    await new Promise((resolve) => busy.once('listening', resolve));
    t.after(() => busy.close());
    t.mock.method(Socket.prototype, 'connect', function (this: Socket) {
      process.nextTick(() => this.emit('error', Object.assign(new Error('connect EAGAIN'), { code: 'EAGAIN' })));
      return this;
    });
    await assert.rejects(listenOn(t, path), /another process answers there/);
    assert.ok(statSync(path).isSocket());
  });

  const others: { name: string; make: (path: string) => void }[] = [
    { name: 'a file', make: (path) => writeFileSync(path, 'precious') },
    { name: 'a link to somewhere', make: (path) => symlinkSync('/dev/null', path) },
  ];
  for (const { name, make } of others) {
    it(`leaves ${name} alone`, async (t) => {
      const path = join(folder(t), 'keyside.sock');
      make(path);
      await assert.rejects(listenOn(t, path), {
        message: `cannot listen on ${path}: something that is not a socket is there`,
      });
      assert.ok(!statSync(path).isSocket());
    });
  }
});

describe('listening on TCP', () => {
  it('gives the port that it got in place of 0', async (t) => {
    const { server } = new Edge();
    t.after(() => server.forceShutdown());
    const bound = await bindListeners(server, { tcp: '127.0.0.1:0', unix: undefined, tls: undefined }, CONNECTIONS);
    assert.match(bound.tcp ?? '', /^127\.0\.0\.1:[1-9]\d+$/);
    assert.equal(bound.unix, undefined);
  });

  it('names the address that cannot be used', async (t) => {
    const [first, second] = [new Edge(), new Edge()];
    t.after(() => first.server.forceShutdown());
    const { tcp } = await bindListeners(first.server, { tcp: '127.0.0.1:0', unix: undefined, tls: undefined }, CONNECTIONS);
    await assert.rejects(bindListeners(second.server, { tcp, unix: undefined, tls: undefined }, CONNECTIONS), {
      message: `cannot listen on ${tcp}: another process listens there`,
    });
  });
});
