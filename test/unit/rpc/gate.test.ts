import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { Callers, digestOfToken } from '../../../src/rpc/callers.ts';
import { RPC } from '../../fakes/api.ts';
import { Edge, refusalOf, send, until } from '../../fakes/edge.ts';

const GARBAGE = Buffer.of(0x0a, 0xff);

/** Sends the headers of a call and nothing after them. */
function sendHeaders(edge: Edge, path: string): Promise<number> {
  return new Promise((resolve) => {
    const stream = edge.client.makeClientStreamRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      new Metadata(),
      (error) => resolve(error?.code ?? status.OK),
    );
    stream.on('error', () => undefined);
  });
}

describe('the gate before every call', () => {
  const callers = new Callers(false);
  callers.setTokens([{ digest: digestOfToken('known'), caller: { id: 'known', tenants: 'all', operations: 'all' } }]);

  it('judges a stranger by its headers: what it sends is not looked at, and takes no place', async (t) => {
    const edge = await Edge.start(t, { callers, maxCalls: 1 });
    for (const token of [undefined, 'guessed']) {
      const outgoing = { message: {}, raw: GARBAGE, ...(token === undefined ? {} : { token }) };
      const refusal = await refusalOf(send(edge.client, RPC.encrypt, outgoing).answer);
      assert.deepEqual([refusal.code, refusal.reason], [status.UNAUTHENTICATED, 'CALLER_UNAUTHENTICATED']);
    }
    assert.equal(edge.admission.calls, 0);
    const known = await refusalOf(send(edge.client, RPC.encrypt, { message: {}, raw: GARBAGE, token: 'known' }).answer);
    assert.equal(known.reason, 'REQUEST_INVALID');
    assert.deepEqual(
      edge.lines.map(({ method, outcome }) => [method, outcome]),
      ['CALLER_UNAUTHENTICATED', 'CALLER_UNAUTHENTICATED', 'REQUEST_INVALID'].map((outcome) => [
        RPC.encrypt.path.slice(1),
        outcome,
      ]),
    );
  });

  it('says that it drains before it asks who is there', async (t) => {
    const edge = await Edge.start(t, { callers });
    await edge.admission.drain();
    assert.equal((await refusalOf(send(edge.client, RPC.encrypt, { message: {} }).answer)).reason, 'DRAINING');
  });

  it('waits no longer for a request than a call may take, and its place is free again', async (t) => {
    const edge = await Edge.start(t, { maxCalls: 1, server: { defaultDeadlineMs: 40 } });
    assert.equal(await sendHeaders(edge, RPC.encrypt.path), status.DEADLINE_EXCEEDED);
    await until('the place is free', () => edge.admission.calls === 0);
    assert.equal(edge.world.metrics.inFlight, 0);
    await send(edge.client, RPC.listKeys, { message: { tenantId: 'acme' } }).answer;
    assert.deepEqual(
      edge.lines.map(({ outcome }) => outcome),
      ['DEADLINE_EXCEEDED', 'OK'],
    );
  });

  it('gives every place back, however the calls end', async (t) => {
    const edge = await Edge.start(t);
    const message = { tenantId: 'acme' };
    await send(edge.client, RPC.encrypt, { message }).answer;
    await refusalOf(send(edge.client, RPC.encrypt, { message: { tenantId: 'nobody' } }).answer);
    await refusalOf(send(edge.client, RPC.encrypt, { message, raw: GARBAGE }).answer);
    const cancelled = send(edge.client, RPC.encrypt, { message });
    cancelled.cancel();
    await refusalOf(cancelled.answer);
    await until('all have left', () => edge.admission.calls === 0);
    assert.equal(edge.world.metrics.inFlight, 0);
  });
});
