import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type SecureClientSessionOptions } from 'node:http2';
import { describe, it, type TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EncryptStreamRequest } from '../../../src/gen/keyside/v1/stream.ts';
import { Edge, type EdgeOptions, until } from '../../fakes/edge.ts';
import { chunk, encryptOpening } from '../../fakes/streams.ts';

const PIECE = Buffer.alloc(256 * 1024, 1);
const MIB = Buffer.alloc(2 ** 20, 2);

setFlagsFromString('--expose-gc');
const collectAll = runInNewContext('gc') as () => void;

/** A message as it is on the wire: not compressed, its length, its bytes. */
function framed(message: EncryptStreamRequest): Buffer {
  const bytes = EncryptStreamRequest.encode(message).finish();
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

interface Raw {
  readonly edge: Edge;
  /** An EncryptStream that was opened; nobody reads what it answers. */
  readonly stream: ClientHttp2Stream;
}

/** A client of HTTP/2 that does only what it is told to. */
async function raw(t: TestContext, options: EdgeOptions, settings: SecureClientSessionOptions = {}): Promise<Raw> {
  const edge = await Edge.start(t, options);
  const session = connect(`http://${edge.client.getChannel().getTarget().replace(/^dns:/, '')}`, settings);
  session.on('error', () => undefined);
  t.after(() => session.destroy());
  const stream = opened(session);
  await once(stream, 'response');
  return { edge, stream };
}

function opened(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/keyside.v1.CryptoService/EncryptStream',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  stream.write(framed(encryptOpening({})));
  return stream;
}

/** Nothing is left of the only stream of an edge, and it ended in this. */
async function assertGone(edge: Edge, outcome: string): Promise<void> {
  await until('it is logged', () => edge.log.includes(outcome));
  await until('the place is free', () => edge.admission.calls === 0);
  assert.equal(edge.admission.bytes, 0);
  assert.deepEqual(
    edge.lines.filter(({ message }) => message === 'request').map((line) => line.outcome),
    [outcome],
  );
  assert.ok(!edge.log.includes('INTERNAL'), edge.log);
}

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('a stream of a client that speaks HTTP/2 as it likes', () => {
  it('is gone when the client resets it while bytes pass', async (t) => {
    const before = timers();
    const { edge, stream } = await raw(t, {});
    assert.ok(timers() > before, 'the stream has timers');
    stream.resume();
    for (let sent = 0; sent < 4; sent++) stream.write(framed(chunk(PIECE)));
    await once(stream, 'data');
    stream.close(constants.NGHTTP2_CANCEL);
    await assertGone(edge, 'CANCELLED');
    await until('its timers are gone', () => timers() <= before);
  });

  it('is gone when it is reset within a message, whose beginning is kept nowhere', async (t) => {
    const { edge, stream } = await raw(t, {});
    stream.write(framed(chunk(PIECE)).subarray(0, 200_000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    await assertGone(edge, 'CANCELLED');
  });

  it('is gone when the connection is torn', async (t) => {
    const before = timers();
    const { edge, stream } = await raw(t, {});
    stream.resume();
    for (let sent = 0; sent < 4; sent++) stream.write(framed(chunk(PIECE)));
    await once(stream, 'data');
    stream.session?.socket.destroy();
    await assertGone(edge, 'CANCELLED');
    await until('its timers are gone', () => timers() <= before);
  });

  it('leaves no memory behind, however many are torn', async (t) => {
    const { edge, stream } = await raw(t, {}, { maxSessionMemory: 1_000 });
    const session = stream.session as ClientHttp2Session;
    stream.close(constants.NGHTTP2_CANCEL);
    await until('the place is free', () => edge.admission.calls === 0);
    collectAll();
    const before = process.memoryUsage().arrayBuffers;
    for (let torn = 0; torn < 40; torn++) {
      const next = opened(session);
      await once(next, 'response');
      // A whole message and the half of another one.
      for (const part of [framed(chunk(MIB)), framed(chunk(MIB)).subarray(0, MIB.length / 2)]) next.write(part);
      await once(next.resume(), 'data');
      next.close(constants.NGHTTP2_CANCEL);
      await until('the place is free', () => edge.admission.calls === 0);
    }
    assert.equal(edge.admission.bytes, 0);
    await until('less than 8 of 60 MiB are left', () => {
      collectAll();
      return process.memoryUsage().arrayBuffers - before < 8 * MIB.length;
    });
  });

  for (const [name, settings] of Object.entries({
    'after the first window': {},
    'where it never gave one': { settings: { initialWindowSize: 0 } },
  })) {
    it(`is hung up when the client never opens its window: ${name}`, async (t) => {
      const before = timers();
      const { edge, stream } = await raw(t, { server: { defaultDeadlineMs: 100 } }, settings);
      // Nobody reads, so that no WINDOW_UPDATE is ever sent for the stream.
      for (let sent = 0; sent < 4; sent++) stream.write(framed(chunk(PIECE)));
      const closed = once(stream, 'close');
      await assertGone(edge, 'DEADLINE_EXCEEDED');
      await closed;
      assert.notEqual(stream.rstCode, constants.NGHTTP2_NO_ERROR);
      assert.match(String(edge.lines[0]?.error), /the caller took nothing for 100 ms/);
      await until('its timers are gone', () => timers() <= before);
    });
  }

  it('is told to be over where the client sends on after its end', async (t) => {
    const { edge, stream } = await raw(t, { server: { defaultDeadlineMs: 100 } });
    stream.resume();
    const trailers = once(stream, 'trailers');
    const ticking = setInterval(() => stream.write(framed(chunk(Buffer.alloc(0)))), 10);
    t.after(() => clearInterval(ticking));
    const [{ 'grpc-status': status }] = (await trailers) as [Record<string, string>];
    clearInterval(ticking);
    assert.equal(String(status), '4');
    await assertGone(edge, 'DEADLINE_EXCEEDED');
  });
});
