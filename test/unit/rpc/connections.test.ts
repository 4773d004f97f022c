import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Server } from '@grpc/grpc-js';
import { boundConnections, boundHandshakes } from '../../../src/rpc/connections.ts';
import { bindListeners } from '../../../src/rpc/listen.ts';
import { until } from '../../fakes/edge.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const EMPTY_SETTINGS = Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0);

const ACKNOWLEDGED = Buffer.of(0, 0, 0, 4, 1, 0, 0, 0, 0);

/** What a socket took, so far. */
interface Client {
  readonly socket: Socket;
  bytes: Buffer;
}

async function listen(t: TestContext, maxConnections: number): Promise<() => Client> {
  const server = new Server();
  const addresses = { tcp: '127.0.0.1:0', unix: undefined, tls: undefined };
  const { tcp } = await bindListeners(server, addresses, { maxConnections, maxConcurrentCalls: 10 });
  t.after(() => server.forceShutdown());
  return () => {
    const socket = connect(Number(tcp?.split(':')[1]), '127.0.0.1');
    const client: Client = { socket, bytes: Buffer.alloc(0) };
    socket.on('data', (bytes: Buffer) => {
      client.bytes = Buffer.concat([client.bytes, bytes]);
    });
    socket.on('error', () => undefined); // the daemon may close it
    t.after(() => socket.destroy());
    return client;
  };
}

/** Whether the daemon speaks on it; false where it closed it without a word. */
async function isServed({ socket }: Client): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('data', () => resolve(true));
  socket.once('close', () => resolve(false));
  return await promise;
}

describe('connections', () => {
  it('are no more than there may be; a place is free when one has gone', async (t) => {
    const open = await listen(t, 2);
    const [first, second] = [open(), open()];
    assert.deepEqual([await isServed(first), await isServed(second)], [true, true]);
    assert.equal(await isServed(open()), false);
    assert.deepEqual([first.socket.closed, second.socket.closed], [false, false]);
    first.socket.destroy();
    let isFree = false;
    for (let tries = 0; tries < 1_000 && !isFree; tries += 1) isFree = await isServed(open());
    assert.ok(isFree, 'no place becomes free');
  });

  it('that do not say in time what they are get closed, the others do not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const open = await listen(t, 10);
    const [silent, half, whole] = [open(), open(), open()];
    for (const client of [silent, half, whole]) assert.equal(await isServed(client), true);
    half.socket.write(PREFACE.slice(0, 10));
    whole.socket.write(Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS]));
    await until('the daemon has read the settings', () => whole.bytes.includes(ACKNOWLEDGED));
    t.mock.timers.tick(10_000);
    await until('those are closed', () => silent.socket.closed && half.socket.closed);
    assert.equal(whole.socket.closed, false);
  });

  it('of a server that is made otherwise are left as they are', () => {
    const other = {} as Server;
    assert.equal(boundHandshakes(other), false);
    assert.equal(boundConnections(other, { maxConnections: 1, maxConcurrentCalls: 1 }), false);
    assert.deepEqual(other, {});
  });
});
