import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { it } from 'node:test';
import { Server } from '@grpc/grpc-js';
import {
  CONNECTION_WINDOW_BYTES,
  STREAM_WINDOW_BYTES,
  widenConnectionWindows,
  widenStreamWindows,
} from '../../../src/rpc/flow-control.ts';
import { bindListeners } from '../../../src/rpc/listen.ts';
import { CONNECTIONS, until } from '../../fakes/edge.ts';

it('the windows of streams and connections are wide, as a client of the bound server sees them', async () => {
  const server = new Server();
  const { tcp } = await bindListeners(server, { tcp: '127.0.0.1:0', unix: undefined, tls: undefined }, CONNECTIONS);
  const session = connect(`http://${tcp}`);
  await once(session, 'remoteSettings');
  assert.equal(session.remoteSettings.initialWindowSize, STREAM_WINDOW_BYTES);
  await until('the connection is wide', () => session.state.remoteWindowSize === CONNECTION_WINDOW_BYTES);
  session.close();
  await once(session, 'close');
  server.forceShutdown();
});

it('a server that is made otherwise is left as it is', () => {
  const other = {} as Server;
  assert.equal(widenStreamWindows(other), false);
  assert.equal(widenConnectionWindows(other), false);
  assert.deepEqual(other, {});
});
