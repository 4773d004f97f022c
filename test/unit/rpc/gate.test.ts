import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { describe, it } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { Callers, digestOfToken } from '../../../src/rpc/callers.ts';
import { plain, RPC } from '../../fakes/api.ts';
import { Edge, refusalOf, send, until } from '../../fakes/edge.ts';
import { answered, chunk, encryptCall, encryptOpening } from '../../fakes/streams.ts';

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

interface Held {
  readonly size: number;
  readonly flag?: number;
  readonly token?: string;
}

/** Announces a message to Encrypt and sends none of it. */
function hold(edge: Edge, { size, flag = 0, token = '' }: Held): { cancel(): void; readonly ended: Promise<unknown> } {
  const session = connect(`http://${edge.address}`);
  session.on('error', () => undefined); // it is torn down at the end
  const stream = session.request({
    ':method': 'POST',
    ':path': RPC.encrypt.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  });
  stream.on('error', () => undefined);
  const prefix = Buffer.of(flag, 0, 0, 0, 0);
  prefix.writeUInt32BE(size, 1);
  stream.write(prefix);
  const ended = once(stream, 'response').then(([headers]) => headers['grpc-message']);
  return { cancel: () => session.destroy(), ended };
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

  it('refuses a message that finds no room by its prefix, and takes small ones meanwhile', async (t) => {
    const edge = await Edge.start(t, { maxBytes: 2 ** 23 });
    const large = { message: { tenantId: 'acme', fields: plain({ a: 'x'.repeat(900_000) }) } };
    const holding = Array.from({ length: 3 }, () => hold(edge, { size: 2 ** 20 }));
    await until('they are let in', () => edge.admission.bytes > 6 * 2 ** 20);
    const refusal = await refusalOf(send(edge.client, RPC.encrypt, large).answer);
    assert.deepEqual([refusal.code, refusal.reason], [status.RESOURCE_EXHAUSTED, 'OVERLOADED']);
    assert.ok(Number(refusal.retryMs) > 0);
    await send(edge.client, RPC.listKeys, { message: { tenantId: 'acme' } }).answer;
    for (const each of holding) each.cancel();
    await until('all have left', () => edge.admission.calls === 0);
    assert.equal(edge.admission.bytes, 0);
    await send(edge.client, RPC.encrypt, large).answer;
  });

  it('counts a caller that is known by its token apart from the others', async (t) => {
    const two = new Callers(false);
    const tokenOf = (id: string) => ({ digest: digestOfToken(id), caller: { id, tenants: 'all', operations: 'all' } as const });
    two.setTokens([tokenOf('app'), tokenOf('job')]);
    const edge = await Edge.start(t, { callers: two, maxCalls: 10, maxCallsPerCaller: 1 });
    const held = hold(edge, { size: 10, token: 'app' });
    await until('it is let in', () => edge.admission.calls === 1);
    const message = { tenantId: 'acme' };
    const refusal = await refusalOf(send(edge.client, RPC.listKeys, { message, token: 'app' }).answer);
    assert.deepEqual([refusal.reason, refusal.details], ['OVERLOADED', { callerId: 'app', limitCalls: '1' }]);
    await send(edge.client, RPC.listKeys, { message, token: 'job' }).answer;
    held.cancel();
    await until('it has left', () => edge.admission.calls === 0);
  });

  it('does not read a call whose deadline has passed, nor a compressed message', async (t) => {
    const edge = await Edge.start(t);
    const late = await refusalOf(send(edge.client, RPC.encrypt, { message: { tenantId: 'acme' }, deadlineMs: -1 }).answer);
    assert.equal(late.code, status.DEADLINE_EXCEEDED);
    const compressed = hold(edge, { size: 10, flag: 1 });
    assert.match(String(await compressed.ended), /^REQUEST_INVALID/);
    compressed.cancel();
    assert.equal(edge.world.callCount(), 0);
  });

  it('bounds health and reflection apart: while all places are taken, health is told', async (t) => {
    const edge = await Edge.start(t, { maxCalls: 1 });
    const held = hold(edge, { size: 10 });
    await until('it is let in', () => edge.admission.calls === 1);
    const path = '/grpc.health.v1.Health/Check';
    const bytes = { encode: () => ({ finish: () => new Uint8Array(0) }), decode: (value: Uint8Array) => value };
    const check = { path, request: bytes, response: bytes } as never;
    await send(edge.client, check, { message: {}, raw: new Uint8Array(0) }).answer;
    const refusal = await refusalOf(send(edge.client, check, { message: {}, raw: new Uint8Array(20_000) }).answer);
    assert.equal(refusal.code, status.RESOURCE_EXHAUSTED);
    held.cancel();
  });

  it('ends a stream whose message finds no room in its own words, in one line of the log', async (t) => {
    const edge = await Edge.start(t, { maxBytes: 2 ** 23 });
    const held = hold(edge, { size: 2 ** 21 });
    await until('it is let in', () => edge.admission.bytes > 2 ** 22);
    const call = encryptCall(edge, { deadlineMs: 5_000 });
    const ended = answered(call);
    call.write(encryptOpening({}));
    call.write(chunk(Buffer.alloc(2 ** 20)));
    assert.equal((await refusalOf(ended)).reason, 'OVERLOADED');
    held.cancel();
    await until('all have left', () => edge.admission.calls === 0);
    assert.equal(edge.admission.bytes, 0);
    assert.deepEqual(
      edge.lines.map(({ outcome, tenantId }) => [outcome, tenantId]),
      [['OVERLOADED', 'acme']],
    );
  });
});
