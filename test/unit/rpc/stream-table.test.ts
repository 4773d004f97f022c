import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { describe, it } from 'node:test';
import { Server } from '@grpc/grpc-js';
import { bindListeners } from '../../../src/rpc/listen.ts';
import { replaceTable, StreamTable, steadyStreamTables } from '../../../src/rpc/stream-table.ts';
import { CONNECTIONS } from '../../fakes/edge.ts';

describe('a table of streams', () => {
  it('visits whoever is there when it begins and has not gone since', () => {
    const table = new StreamTable<string>().set(1, 'a').set(3, 'b').set(5, 'c').set(129, 'd');
    const visited: string[] = [];
    table.forEach((stream, id, of) => {
      visited.push(stream);
      of.delete(id);
      of.delete(3);
      of.set(1001, 'late');
    });
    assert.equal(visited.includes('late'), false);
    assert.deepEqual(visited.filter((stream) => stream !== 'b').toSorted(), ['a', 'c', 'd']);
    assert.deepEqual([...table], [[1001, 'late']]);
    assert.deepEqual([[...table.keys()], [...table.values()]], [[1001], ['late']]);
  });

  it('has no stream 0', () => {
    const table = new StreamTable<string>();
    assert.deepEqual([table.get(0), table.delete(0), table.size], [undefined, false, 0]);
    assert.throws(() => table.set(0, 'none'), RangeError);
  });
});

describe('the tables of connections', () => {
  it('are replaced as soon as a connection is accepted', async (t) => {
    const server = new Server();
    t.after(() => server.forceShutdown());
    const { tcp } = await bindListeners(server, { tcp: '127.0.0.1:0', unix: undefined, tls: undefined }, CONNECTIONS);
    const { http2Servers } = server as unknown as { readonly http2Servers: ReadonlyMap<Http2Server, unknown> };
    const accepted = Promise.race([...http2Servers.keys()].map((each) => once(each, 'session')));
    const client = connect(`http://${tcp}`);
    t.after(() => client.destroy());
    const [session] = (await accepted) as [ServerHttp2Session];
    const states = Object.getOwnPropertySymbols(session).map((key) => (session as unknown as Record<symbol, unknown>)[key]);
    const tables = states.filter((state) => (state as { streams?: unknown } | undefined)?.streams instanceof StreamTable);
    assert.equal(tables.length, 1);
  });

  it('of what is made otherwise are left as they are', () => {
    const other = {} as Server;
    assert.equal(steadyStreamTables(other), false);
    const state = Symbol('state');
    const used = { [state]: { streams: new Map([[1, 'one']]) } };
    for (const session of [{}, { [state]: {} }, { [state]: { streams: [] } }, used]) assert.equal(replaceTable(session), false);
    assert.equal(used[state].streams.size, 1);
  });
});
