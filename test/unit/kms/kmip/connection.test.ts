import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { ConnectionEnded, KmipConnection } from '../../../../src/kms/kmip/connection.ts';
import { OPERATION } from '../../../../src/kms/kmip/tags.ts';
import { MalformedTtlv } from '../../../../src/kms/kmip/ttlv.ts';
import { facts, response } from './kmip-samples.ts';

/** A socket without a network: keeps what is written, and delivers what the test has the server say. */
class FakeSocket extends PassThrough {
  readonly written: Uint8Array[] = [];
  isRef = true;

  override write(chunk: unknown, ...rest: readonly unknown[]): boolean {
    this.written.push((chunk as Uint8Array).slice());
    const sent = rest.find((argument) => typeof argument === 'function');
    if (typeof sent === 'function') queueMicrotask(() => sent());
    return true;
  }

  ref(): void {
    this.isRef = true;
  }

  unref(): void {
    this.isRef = false;
  }

  says(bytes: Uint8Array): void {
    this.emit('data', bytes);
  }
}

const RESPONSE = response([OPERATION.getAttributes], [facts()]);
const { signal } = new AbortController();

function opened(): { readonly socket: FakeSocket; readonly connection: KmipConnection; readonly password: SecretBytes } {
  const socket = new FakeSocket();
  const password = SecretBytes.own(Uint8Array.of(1));
  return { socket, password, connection: new KmipConnection(socket, { username: 'u', password }) };
}

describe('a connection to a KMIP server', () => {
  it('sends a request, yields its response, and zeroes the request', async () => {
    const { socket, connection } = opened();
    const request = Uint8Array.of(1, 2, 3);
    const exchange = connection.exchange(request, signal);
    assert.ok(socket.isRef, 'a program waits for the answer');
    socket.says(RESPONSE.slice(0, 20));
    socket.says(RESPONSE.slice(20));
    assert.deepEqual(await exchange, RESPONSE);
    assert.deepEqual(socket.written, [Uint8Array.of(1, 2, 3)]);
    assert.deepEqual(request, new Uint8Array(3));
    assert.ok(connection.isOpen);
    assert.ok(!socket.isRef, 'an idle connection keeps no program alive');
  });

  it('ends with the caller: a late answer would be taken for the next one', async () => {
    const { socket, connection, password } = opened();
    const caller = new AbortController();
    const exchange = connection.exchange(Uint8Array.of(1), caller.signal);
    const gone = new Error('the caller is gone');
    caller.abort(gone);
    await assert.rejects(exchange, gone);
    assert.ok(socket.destroyed && !connection.isOpen && password.isWiped);
  });

  const ends: readonly { readonly name: string; happen(socket: FakeSocket): void; readonly error: object }[] = [
    { name: 'the server ends it', happen: (socket) => socket.emit('end'), error: ConnectionEnded },
    { name: 'it is closed', happen: (socket) => socket.emit('close'), error: ConnectionEnded },
    { name: 'the network fails', happen: (socket) => socket.emit('error', new RangeError('x')), error: RangeError },
    { name: 'the server says what is no KMIP', happen: (socket) => socket.says(new Uint8Array(8)), error: MalformedTtlv },
    {
      name: 'the server says more than it was asked for',
      happen: (socket) => socket.says(Uint8Array.of(...RESPONSE, ...RESPONSE)),
      error: MalformedTtlv,
    },
  ];
  for (const { name, happen, error } of ends) {
    it(`ends, and the exchange with it, when ${name}`, async () => {
      const { socket, connection, password } = opened();
      const request = Uint8Array.of(1);
      const exchange = assert.rejects(connection.exchange(request, signal), error);
      happen(socket);
      await exchange;
      assert.ok(!connection.isOpen && socket.destroyed && password.isWiped);
      assert.deepEqual(request, new Uint8Array(1));
      await assert.rejects(connection.exchange(Uint8Array.of(2), signal), error);
    });
  }

  it('ends when the server speaks unasked', () => {
    const { socket, connection } = opened();
    socket.says(RESPONSE.slice());
    assert.ok(!connection.isOpen);
  });

  it('is not used twice at once', async () => {
    const { socket, connection } = opened();
    const first = connection.exchange(Uint8Array.of(1), signal);
    await assert.rejects(connection.exchange(Uint8Array.of(2), signal), /used twice at once/);
    socket.says(RESPONSE.slice());
    await first;
    assert.equal(socket.written.length, 1);
  });

  it('is not used at all for a caller that is gone', async () => {
    const { socket, connection } = opened();
    await assert.rejects(connection.exchange(Uint8Array.of(1), AbortSignal.abort(new Error('gone'))), /gone/);
    assert.equal(socket.written.length, 0);
    assert.ok(connection.isOpen);
  });
});
