import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { describe, it, type TestContext } from 'node:test';
import { DecryptStreamResponse, EncryptStreamResponse } from '../src/gen/keyside/v1/stream.ts';
import { type ByteStream, KeysideClient } from '../src/index.ts';
import { begin, connected, frame } from './fake-daemon.ts';

const ACME = { tenantId: 'acme' };
const LIMIT = { timeout: 3_000 };
const OPENED = frame(EncryptStreamResponse.encode({ opened: { edek: Uint8Array.of(7) } }).finish());
const SPANS = frame(DecryptStreamResponse.encode({ opened: { spans: [{ offset: 0, length: 9 }] } }).finish());

/** Opens every stream and then says nothing; `ended` once the caller has ended one. */
async function silent(t: TestContext, opening = OPENED) {
  const ended = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { client } = await connected(t, [
    (stream: ServerHttp2Stream) => {
      begin(stream);
      stream.write(opening);
      stream.resume();
      stream.on('close', () => ended.resolve());
      begun.resolve();
    },
  ]);
  return { client, ended: ended.promise, begun: begun.promise };
}

/** A source of Node's that gives ten bytes and then nothing. */
function stalled(): Readable {
  const source = new Readable({ read: () => undefined });
  source.push(Buffer.alloc(10));
  return source;
}

async function turn(): Promise<void> {
  for (let each = 0; each < 20; each++) await new Promise((resolve) => setImmediate(resolve));
}

type Act = (stream: ByteStream) => Promise<unknown>;

/** Ways to abandon a stream while it is read. */
const WHILE_READ: Readonly<Record<string, Act>> = {
  'return() of its iterator': async (stream) => {
    const chunks = stream[Symbol.asyncIterator]();
    const read = chunks.next().catch(() => undefined);
    await turn();
    assert.deepEqual(await chunks.return(), { done: true, value: undefined });
    await read;
  },
  'destroy() of its Node stream': async (stream) => {
    const node = stream.toNodeStream().resume();
    await turn();
    await once(node.destroy(), 'close');
  },
  'cancel() of its web stream': async (stream) => {
    const reader = stream.toWebStream().getReader();
    reader.read().catch(() => undefined);
    await turn();
    await reader.cancel();
  },
  'its disposal': async (stream) => {
    const read = stream[Symbol.asyncIterator]()
      .next()
      .catch(() => undefined);
    await turn();
    await stream[Symbol.asyncDispose]();
    await read;
  },
};

/** Ways to abandon one before it is read. */
const BEFORE_READ: Readonly<Record<string, Act>> = {
  'return() of its iterator': (stream) => stream[Symbol.asyncIterator]().return(),
  'destroy() of its Node stream': (stream) => once(stream.toNodeStream().destroy(), 'close'),
  'cancel() of its web stream': (stream) => stream.toWebStream().cancel(),
  'its disposal': (stream) => stream[Symbol.asyncDispose](),
};

describe('a stream that is abandoned', () => {
  for (const [name, act] of Object.entries(WHILE_READ)) {
    it(`while a read is pending ends its call and lets its source go at once: ${name}`, LIMIT, async (t) => {
      const { client, ended } = await silent(t);
      const source = stalled();
      await act(client.encryptStream(source, ACME));
      await ended;
      assert.ok(source.destroyed);
    });

    it(`does so where it is decrypted, of a source of the web: ${name}`, LIMIT, async (t) => {
      const { client, ended } = await silent(t);
      const isCancelled = Promise.withResolvers<void>();
      const source = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.alloc(10)),
        cancel: () => isCancelled.resolve(),
      });
      await act(client.decryptStream(source, ACME));
      await Promise.all([ended, isCancelled.promise]);
    });

    it(`does so where a part is decrypted: ${name}`, LIMIT, async (t) => {
      const { client, ended } = await silent(t, SPANS);
      const source = stalled();
      const range = { edek: Uint8Array.of(7), offset: 0, objectSize: 9, read: () => source };
      await act(client.decryptRange(range, ACME));
      await ended;
      assert.ok(source.destroyed);
    });

    it(`does so while it waits for a daemon: ${name}`, LIMIT, async () => {
      using client = new KeysideClient({ address: 'unix:///nonexistent/socket', environment: {}, connectTimeoutMs: 60_000 });
      const source = stalled();
      await act(client.encryptStream(source, ACME, { timeoutMs: 60_000 }));
      assert.ok(source.destroyed);
    });
  }

  for (const [name, act] of Object.entries(BEFORE_READ)) {
    it(`once its header is known, before the first read, ends its call and lets its source go: ${name}`, LIMIT, async (t) => {
      const { client, ended } = await silent(t);
      const source = stalled();
      const sealed = client.encryptStream(source, ACME);
      await sealed.edek;
      await act(sealed);
      await ended;
      assert.ok(source.destroyed);
    });
  }

  it('closes a generator that was never asked', LIMIT, async (t) => {
    const { client } = await silent(t);
    const source = (function* () {
      yield Buffer.alloc(10);
    })();
    await client.encryptStream(source, ACME)[Symbol.asyncDispose]();
    assert.deepEqual(source.next(), { done: true, value: undefined });
  });

  it('is so by its signal too: its source is let go', LIMIT, async (t) => {
    const { client, ended, begun } = await silent(t);
    const controller = new AbortController();
    const source = stalled();
    const sealed = client.encryptStream(source, ACME, { signal: controller.signal });
    const reading = sealed[Symbol.asyncIterator]().next();
    await begun;
    controller.abort();
    await assert.rejects(reading, { reason: 'CANCELLED' });
    await ended;
    assert.ok(source.destroyed);
  });
});
