import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { DecryptStreamResponse, EncryptStreamResponse } from '../src/gen/keyside/v1/stream.ts';
import { type ByteSource, KeyRevokedError, KeysideClient, KeysideError } from '../src/index.ts';
import { type Answer, begin, connected, FakeDaemon, fail, finish, frame, trailersOf } from './fake-daemon.ts';

const ACME = { tenantId: 'acme' };
const OPENED = frame(EncryptStreamResponse.encode({ opened: { edek: Uint8Array.of(7) } }).finish());
const CHUNK = frame(EncryptStreamResponse.encode({ chunk: Uint8Array.of(1, 2, 3) }).finish());
const REVOKED = trailersOf({ code: 9, message: 'KEY_REVOKED: gone', reason: 'KEY_REVOKED' });

/** What came out, and the reason why it ended. */
async function taken(client: KeysideClient, source: ByteSource = [Uint8Array.of(9)], timeoutMs = 5_000) {
  const bytes: number[] = [];
  try {
    for await (const chunk of client.encryptStream(source, ACME, { timeoutMs })) bytes.push(...chunk);
  } catch (error) {
    assert.ok(error instanceof KeysideError, `threw ${error}`);
    return { bytes, error };
  }
  return { bytes, error: undefined };
}

/** Answers once the caller has said everything. */
function afterAll(work: (stream: ServerHttp2Stream) => unknown): Answer {
  return async (stream) => {
    begin(stream);
    stream.write(OPENED);
    stream.resume();
    await once(stream, 'end');
    work(stream);
  };
}

describe('a stream', () => {
  it('gives what comes, wherever it is cut, and ends with OK', async (t) => {
    const answer = afterAll(async (stream) => {
      finish(stream, { 'grpc-status': '0' });
      for (const byte of Buffer.concat([CHUNK, CHUNK])) {
        stream.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      stream.end();
    });
    const { client } = await connected(t, [answer]);
    assert.deepEqual(await taken(client), { bytes: [1, 2, 3, 1, 2, 3], error: undefined });
  });

  it('ends in the error that the daemon tells behind bytes', async (t) => {
    const answer = afterAll((stream) => {
      finish(stream, REVOKED);
      stream.end(CHUNK);
    });
    const { client } = await connected(t, [answer]);
    const { error } = await taken(client);
    assert.ok(error instanceof KeyRevokedError);
    assert.equal(error.message, 'KEY_REVOKED: gone');
  });

  const cases: readonly { readonly name: string; readonly answer: Answer; readonly want: string }[] = [
    {
      name: 'the daemon refuses it at once',
      answer: (stream) => fail(stream, { code: 8, message: 'OVERLOADED: full', reason: 'OVERLOADED', retryMs: 1 }),
      want: 'OVERLOADED',
    },
    { name: 'the connection breaks', answer: afterAll((stream) => stream.session?.destroy()), want: 'UNAVAILABLE' },
    { name: 'the daemon resets it', answer: afterAll((stream) => stream.close(2)), want: 'INTERNAL' },
    {
      name: 'it ends without a status',
      answer: async (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write(OPENED);
        stream.resume();
        await once(stream, 'end');
        stream.end(CHUNK);
      },
      want: 'INTERNAL',
    },
    {
      name: 'a message cannot be read',
      answer: afterAll((stream) => {
        finish(stream, { 'grpc-status': '0' });
        stream.end(frame(Uint8Array.of(0xff)));
      }),
      want: 'INTERNAL',
    },
    {
      name: 'it is OK before all was said',
      answer: (stream) => {
        begin(stream);
        finish(stream, { 'grpc-status': '0' });
        stream.end(OPENED);
      },
      want: 'INTERNAL',
    },
    {
      name: 'it does not begin with its opening',
      answer: (stream) => {
        begin(stream);
        stream.write(CHUNK);
      },
      want: 'INTERNAL',
    },
    {
      name: 'a proxy answers',
      answer: (stream) => {
        stream.respond({ ':status': 502 });
        stream.end('bad gateway');
      },
      want: 'UNAVAILABLE',
    },
  ];
  for (const { name, answer, want } of cases) {
    it(`ends in ${want} where ${name}, once`, async (t) => {
      const { client, daemon } = await connected(t, [answer]);
      const endless = function* () {
        for (;;) yield Buffer.alloc(1_000);
      };
      const { error } = await taken(client, name === 'it is OK before all was said' ? endless() : undefined);
      assert.equal(error?.reason, want);
      assert.equal(daemon.calls.length, 1);
    });
  }

  it('ends in DEADLINE_EXCEEDED where the daemon is silent while it is its turn', async (t) => {
    const { client } = await connected(t, [() => undefined, afterAll(() => undefined)]);
    for (const _ of ['at its beginning', 'at its end']) {
      const { error } = await taken(client, [Uint8Array.of(1)], 40);
      assert.deepEqual([error?.reason, error?.isRetryable], ['DEADLINE_EXCEEDED', true]);
    }
  });

  it('has no deadline of its own while its source takes its time', async (t) => {
    const { client, daemon } = await connected(t, [
      afterAll((stream) => {
        finish(stream, { 'grpc-status': '0' });
        stream.end(CHUNK);
      }),
    ]);
    async function* slow(): AsyncGenerator<Uint8Array, void> {
      await new Promise((resolve) => setTimeout(resolve, 120));
      yield Uint8Array.of(1);
    }
    const { bytes, error } = await taken(client, slow(), 60);
    assert.deepEqual([bytes, error], [[1, 2, 3], undefined]);
    assert.equal(daemon.calls[0]?.headers['grpc-timeout'], undefined);
  });

  const flows: readonly { readonly name: string; readonly up: number; readonly down: number }[] = [
    { name: 'both sides have', up: 1, down: 1 },
    { name: 'the daemon has', up: 1, down: 4 },
    { name: 'the client has', up: 4, down: 1 },
  ];
  for (const { name, up, down } of flows) {
    it(`does not wait for ever where ${name} much to say, over a Unix socket`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'keyside-client-'));
      t.after(() => rmSync(folder, { recursive: true }));
      const [sent, answered] = [up * 2_000_000, down * 2_000_000];
      const daemon = new FakeDaemon((stream) => {
        begin(stream);
        finish(stream, { 'grpc-status': '0' });
        stream.resume();
        pipeline(chunks(answered), stream).catch(() => undefined);
      });
      t.after(() => daemon.stop());
      const address = await daemon.listenUnix(join(folder, 'socket'));
      const client = new KeysideClient({ address, environment: {}, timeoutMs: 10_000 });
      t.after(() => client.close());
      const sizes = await Promise.all(
        [1, 2, 3, 4].map(async () => {
          let bytes = 0;
          for await (const chunk of client.decryptStream([Buffer.alloc(sent)], ACME)) bytes += chunk.length;
          return bytes;
        }),
      );
      assert.deepEqual(sizes, Array(4).fill(answered));
    });
  }
});

/** An answer of this many bytes. */
function* chunks(bytes: number): Generator<Buffer, void> {
  const chunk = frame(DecryptStreamResponse.encode({ chunk: Buffer.alloc(50_000) }).finish());
  for (let at = 0; at < bytes; at += 50_000) yield chunk;
}
