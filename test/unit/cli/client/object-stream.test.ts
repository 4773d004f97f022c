import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import { describe, it, type TestContext } from 'node:test';
import { type ByteSource, type CallMetadata, KeysideClient, KeysideError } from '../../../../clients/typescript/src/index.ts';
import { Edge, type EdgeOptions, until } from '../../../fakes/edge.ts';

const CHUNK = 16_384;
const PREFIX = 56;
const ACME: CallMetadata = { tenantId: 'acme' };

async function connected(t: TestContext, options: EdgeOptions = {}) {
  const edge = await Edge.start(t, options);
  const address = edge.client.getChannel().getTarget().replace(/^dns:/, '');
  const client = new KeysideClient({ address });
  t.after(() => client.close());
  return { edge, client };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function* pieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function sealed(client: KeysideClient, plaintext: Uint8Array) {
  const stream = client.encryptStream([plaintext], ACME, { isDetached: true });
  return { edek: await stream.edek, body: await collect(stream) };
}

async function reasonOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  try {
    await collect(chunks);
  } catch (error) {
    assert.ok(error instanceof KeysideError, `threw ${error}`);
    return error.reason;
  }
  throw new Error('the stream ended without an error');
}

describe('streams of the client', () => {
  for (const size of [0, 1, CHUNK, 1_500_000]) {
    it(`give back an object of ${size} bytes, its header before it or apart from it`, async (t) => {
      const { client } = await connected(t);
      const plaintext = randomBytes(size);
      const attached = await collect(client.encryptStream(pieces(plaintext), ACME));
      assert.deepEqual(await collect(client.decryptStream(pieces(attached, 999), ACME)), plaintext);
      const { edek, body } = await sealed(client, plaintext);
      assert.equal(body.length, PREFIX + size + 16 * (Math.floor(size / CHUNK) + 1));
      assert.deepEqual(await collect(client.decryptStream([body], ACME, { edek })), plaintext);
    });
  }

  it('take bytes from whatever gives them, and are steps of a pipeline', async (t) => {
    const { client } = await connected(t);
    const plaintext = randomBytes(300_000);
    const sources: Record<string, () => ByteSource> = {
      array: () => [plaintext],
      generator: () => pieces(plaintext),
      Readable: () => Readable.from(pieces(plaintext)),
      'web stream': () => ReadableStream.from(pieces(plaintext)) as AsyncIterable<Uint8Array>,
    };
    for (const [name, source] of Object.entries(sources)) {
      assert.deepEqual(await collect(client.decryptStream(client.encryptStream(source(), ACME), ACME)), plaintext, name);
    }
    const written: Buffer[] = [];
    const sink = new Writable({
      write: (chunk, _encoding, done) => {
        written.push(chunk);
        done();
      },
    });
    const encrypting = client.encryptStream(Readable.from(pieces(plaintext)), ACME);
    await pipeline(Readable.from(encrypting), (source: AsyncIterable<Uint8Array>) => client.decryptStream(source, ACME), sink);
    assert.deepEqual(Buffer.concat(written), plaintext);
  });

  it("come out as streams of Node's and of the web", async (t) => {
    const { client } = await connected(t);
    const plaintext = randomBytes(300_000);
    const encrypting = client.encryptStream(new Blob([plaintext]).stream(), ACME).toNodeStream();
    assert.equal(encrypting.readableObjectMode, false);
    const response = new Response(client.decryptStream(encrypting, ACME).toWebStream() as globalThis.ReadableStream);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), plaintext);
  });

  it('end the call where they are disposed of, read to some point or not at all', async (t) => {
    const { edge, client } = await connected(t);
    const endless = function* () {
      for (;;) yield Buffer.alloc(CHUNK);
    };
    {
      await using encrypting = client.encryptStream(endless(), ACME);
      assert.ok((await encrypting.edek).length > 0);
    }
    {
      await using encrypting = client.encryptStream(endless(), ACME);
      await encrypting[Symbol.asyncIterator]().next();
    }
    const reader = client.encryptStream(endless(), ACME).toWebStream().getReader();
    await reader.read();
    await reader.cancel();
    await until('the places are free', () => edge.admission.calls === 0);
  });

  it('bind what they carry to metadata as a document is bound', async (t) => {
    const { client } = await connected(t);
    const bound = { ...ACME, context: { object: '42' } };
    const object = await collect(client.encryptStream([randomBytes(10)], bound));
    assert.equal((await collect(client.decryptStream([object], bound))).length, 10);
    assert.equal(await reasonOf(client.decryptStream([object], ACME)), 'CIPHERTEXT_REJECTED');
    assert.equal(await reasonOf(client.decryptStream([object], { ...bound, tenantId: 'globex' })), 'CIPHERTEXT_REJECTED');
    assert.equal(await reasonOf(client.encryptStream([], { tenantId: 'nobody' })), 'TENANT_UNKNOWN');
    assert.equal(await reasonOf(client.encryptStream([], { ...ACME, context: { a: '\ud800' } })), 'REQUEST_INVALID');
  });

  it('end in an error where the object was cut off, wherever that was', async (t) => {
    const { client } = await connected(t);
    const { edek, body } = await sealed(client, randomBytes(3 * CHUNK));
    for (const length of [20, PREFIX, PREFIX + 3 * (CHUNK + 16), body.length - 1]) {
      assert.equal(await reasonOf(client.decryptStream([body.subarray(0, length)], ACME, { edek })), 'CIPHERTEXT_REJECTED');
    }
  });

  it('throw what their source throws, as it is, and never make a whole object of the half', async (t) => {
    const { edge, client } = await connected(t);
    const fault = new Error('the disk is on fire');
    async function* failing(): AsyncGenerator<Uint8Array, void> {
      yield randomBytes(100_000);
      throw fault;
    }
    await assert.rejects(collect(client.encryptStream(failing(), ACME)), fault);
    await until('it is logged', () => edge.log !== '');
    assert.deepEqual(
      edge.lines.map(({ outcome }) => outcome),
      ['CANCELLED'],
    );
    const texts = Readable.from(['text']) as AsyncIterable<never>;
    assert.equal(await reasonOf(client.encryptStream(texts, ACME)), 'REQUEST_INVALID');
  });

  it('are cancelled by a signal, before they begin and while their source keeps them waiting', async (t) => {
    const { edge, client } = await connected(t);
    assert.equal(await reasonOf(client.encryptStream([], ACME, { signal: AbortSignal.abort() })), 'CANCELLED');
    const controller = new AbortController();
    async function* stalling(): AsyncGenerator<Uint8Array, void> {
      yield randomBytes(10);
      await until('the call is under way', () => edge.admission.calls === 1);
      controller.abort();
      await new Promise(() => undefined);
    }
    assert.equal(await reasonOf(client.encryptStream(stalling(), ACME, { signal: controller.signal })), 'CANCELLED');
    await until('the place is free', () => edge.admission.calls === 0);
  });

  it('let the call and the source go where their reader stops early', async (t) => {
    const { edge, client } = await connected(t);
    let isReturned = false;
    async function* endless(): AsyncGenerator<Uint8Array, void> {
      try {
        for (;;) yield randomBytes(CHUNK);
      } finally {
        isReturned = true;
      }
    }
    for await (const chunk of client.encryptStream(endless(), ACME)) if (chunk.length > 0) break;
    await until('source and place are free', () => isReturned && edge.admission.calls === 0);
  });

  it('read their source no further ahead than a few MiB of what their reader takes', async (t) => {
    const { client } = await connected(t);
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array, void> {
      for (; given < 400; given += 1) yield Buffer.alloc(256 * 1024);
    }
    const chunks = client.encryptStream(endless(), ACME)[Symbol.asyncIterator]();
    await chunks.next();
    let before = -1;
    // Until it stands still: nobody reads.
    for (let still = 0; still < 50; still = given === before ? still + 1 : 0) {
      before = given;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.ok(given < 100, `${given} pieces were read for a reader that took one`);
    await chunks.return?.();
  });

  it('tell the header before any plaintext is read, and are iterated once', async (t) => {
    const { client } = await connected(t);
    let isRead = false;
    async function* watched(): AsyncGenerator<Uint8Array, void> {
      isRead = true;
      yield Buffer.from('x');
    }
    const stream = client.encryptStream(watched(), ACME);
    const edek = await stream.edek;
    assert.equal(isRead, false);
    const object = await collect(stream);
    assert.deepEqual(object.subarray(0, edek.length), Buffer.from(edek));
    assert.equal(await reasonOf(stream), 'REQUEST_INVALID');
  });
});

describe('ranges of the client', () => {
  it('read of the body what they need and nothing else', async (t) => {
    const { client } = await connected(t);
    const plaintext = randomBytes(20 * CHUNK + 77);
    const { edek, body } = await sealed(client, plaintext);
    const objectSize = plaintext.length;
    const whole = { edek, objectSize };
    const cases = [
      { offset: 3 * CHUNK + 5, length: 10, spans: 2 },
      { offset: 0, length: CHUNK, spans: 1 },
      { offset: 19 * CHUNK, spans: 3 },
      { offset: objectSize + 5, length: 9, spans: 2 },
      { offset: 0, spans: 3 },
    ];
    for (const { offset, length, spans } of cases) {
      const reads: number[] = [];
      const read = async (at: number, bytes: number) => {
        reads.push(bytes);
        return body.subarray(at, at + bytes);
      };
      const given = await collect(client.decryptRange({ ...whole, offset, length, read }, ACME));
      assert.deepEqual(given, plaintext.subarray(offset, offset + (length ?? objectSize)));
      assert.equal(reads.length, spans, `reads at ${offset}`);
      const most = given.length + (Math.ceil(given.length / CHUNK) + 2) * (CHUNK + 16) + PREFIX;
      assert.ok(reads.reduce((sum, bytes) => sum + bytes, 0) <= most);
    }
    const read = (at: number, bytes: number) => pieces(body.subarray(at, at + bytes), 1_000);
    assert.deepEqual(await collect(client.decryptRange({ ...whole, offset: 0, read }, ACME)), plaintext);
  });

  it('are refused for a false size, a read that falls short, and what are no numbers', async (t) => {
    const { client } = await connected(t);
    const { edek, body } = await sealed(client, randomBytes(2 * CHUNK));
    const read = async (at: number, bytes: number) => body.subarray(at, at + bytes);
    const range = { edek, offset: 0, objectSize: 2 * CHUNK, read };
    const short = { ...range, objectSize: 2 * CHUNK - 1, offset: CHUNK };
    assert.equal(await reasonOf(client.decryptRange(short, ACME)), 'CIPHERTEXT_REJECTED');
    const falling = { ...range, read: async () => body.subarray(0, 5) };
    assert.equal(await reasonOf(client.decryptRange(falling, ACME)), 'REQUEST_INVALID');
    for (const offset of [-1, 0.5, Number.NaN]) {
      assert.equal(await reasonOf(client.decryptRange({ ...range, offset }, ACME)), 'REQUEST_INVALID');
    }
  });
});

describe('a stream to nobody', () => {
  it('says that no daemon answers, or that what listens there does not', async (t) => {
    const silent = createServer((socket) => socket.unref().on('error', () => undefined))
      .unref()
      .listen(0, '127.0.0.1');
    t.after(() => silent.close());
    await once(silent, 'listening');
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const late = new KeysideClient({ address, timeoutMs: 50 });
    t.after(() => late.close());
    const message = `UNAVAILABLE: no daemon answers at ${address} (it does not answer)`;
    await assert.rejects(collect(late.encryptStream([], ACME)), { message });
    await assert.rejects(collect(late.decryptStream([Buffer.alloc(9)], ACME)), { message });
    const absent = new KeysideClient({ address: 'unix:///nowhere/keyside.sock', connectTimeoutMs: 0 });
    t.after(() => absent.close());
    await assert.rejects(collect(absent.encryptStream([], ACME)), {
      message: 'UNAVAILABLE: no daemon answers at unix:///nowhere/keyside.sock (there is no such socket)',
    });
  });
});
