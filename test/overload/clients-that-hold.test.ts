import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { EncryptStreamRequest } from '../../src/gen/keyside/v1/stream.ts';
import { ATTACKERS, AttackedDaemon, DEADLINE_MS, MAX_CALLS } from './attacked-daemon.ts';
import { frame, prefix, type RawCall, RawConnection, type Seen } from './raw-connection.ts';
import { greeting, headersFrame, PREFACE } from './raw-frames.ts';

const KIB = 1024;
const MAX_CONNECTIONS = 1_024;
/** As long as a connection may take to say what it is, and more. */
const GREETING_MS = 15_000;
const PATIENCE_MS = 20_000;

describe('clients that hold what they are given', () => {
  let daemon: AttackedDaemon;
  before(async () => {
    daemon = await AttackedDaemon.start();
  });
  after(() => daemon.stop());

  function connections(t: TestContext, count: number): readonly RawConnection[] {
    daemon.forgetPeak();
    const all = Array.from({ length: count }, () => new RawConnection(daemon.tcp));
    t.after(() => {
      for (const each of all) each.close();
    });
    return all;
  }

  async function assertServes(t: TestContext): Promise<void> {
    for (let call = 0; call < 20; call += 1) {
      assert.equal((await daemon.small()).reason, 'OK', 'an honest call is served');
      await setTimeout(20);
    }
    assert.ok(daemon.excessMib() <= 0, daemon.memoryMib());
    t.diagnostic(daemon.memoryMib());
  }

  function count(seen: readonly Seen[], reason: string): number {
    return seen.filter((each) => each.reason === reason).length;
  }

  it('thousands of open streams: some are let in, the others told so', async (t) => {
    const opening = EncryptStreamRequest.decode(new Uint8Array(0));
    const open = frame(
      EncryptStreamRequest.encode({
        ...opening,
        open: { tenantId: 'acme', metadata: undefined, context: new Map(), detached: false },
      }).finish(),
    );
    const chunk = frame(EncryptStreamRequest.encode({ ...opening, chunk: Buffer.alloc(256 * KIB) }).finish());
    const all = connections(t, 10);
    const calls = all.flatMap((connection) =>
      Array.from({ length: 400 }, () => {
        const call = connection.open('EncryptStream', { isRead: false });
        call.stream.write(open);
        call.stream.write(chunk);
        return call;
      }),
    );
    const ended: Seen[] = [];
    for (const call of calls) void call.ended.then((seen) => ended.push(seen));
    const room = ATTACKERS.maxCalls;
    await assertServes(t);
    await until(() => ended.length >= calls.length - room);
    const overloaded = ended.filter(({ reason }) => reason === 'OVERLOADED');
    assert.ok(overloaded.length >= calls.length - room, `${overloaded.length} of ${calls.length}`);
    assert.ok(overloaded.every(({ code, hasRetryInfo }) => code === 'RESOURCE_EXHAUSTED' && hasRetryInfo));
    for (const each of all) each.close();
    assert.equal(await daemon.inFlight((inFlight) => inFlight === 0), 0);
  });

  it('headers without a body, and bodies that trickle: their time ends, and their places are free', async (t) => {
    const all = connections(t, 100);
    const headersOnly = all.slice(0, 50).map((connection) => connection.open('Encrypt'));
    const trickled = all.slice(50).map((connection) => connection.open('Encrypt'));
    for (const { stream } of trickled) stream.write(prefix(8 * KIB));
    const trickle = setInterval(() => {
      for (const { stream } of trickled) if (!stream.closed && !stream.destroyed) stream.write(Buffer.alloc(1));
    }, 100);
    t.after(() => clearInterval(trickle));
    assert.equal(await daemon.inFlight((inFlight) => inFlight === 100), 100);
    await assertServes(t);
    const seen = await Promise.all([...headersOnly, ...trickled].map(({ ended }) => ended));
    assert.equal(count(seen, 'DEADLINE_EXCEEDED'), 100);
    assert.equal(await daemon.inFlight((inFlight) => inFlight === 0), 0);
  });

  it('calls whose deadline has passed are not read', async (t) => {
    const [connection] = connections(t, 1);
    const call = connection?.open('Encrypt', { headers: { 'grpc-timeout': '0n' } }) as RawCall;
    assert.equal((await call.ended).code, 'DEADLINE_EXCEEDED');
  });

  it('calls that were refused, of clients that do not read: their connections are closed', async (t) => {
    daemon.forgetPeak();
    const all = Array.from({ length: 12 }, () => socketTo(daemon.tcp));
    t.after(() => {
      for (const socket of all) socket.destroy();
    });
    for (const socket of all) {
      socket.pause();
      socket.write(greeting());
      for (let call = 0; call < 900; call += 1) socket.write(headersFrame(2 * call + 1, 'Encrypt'));
    }
    await assertServes(t);
    await setTimeout(3 * DEADLINE_MS);
    await assertServes(t);
    assert.equal(await daemon.inFlight((inFlight) => inFlight === 0), 0);
  });

  it('no more connections than there may be', async (t) => {
    const all = Array.from({ length: MAX_CONNECTIONS + 200 }, () => socketTo(daemon.tcp));
    t.after(() => {
      for (const socket of all) socket.destroy();
    });
    await setTimeout(2_000);
    const open = all.filter(({ closed }) => !closed).length;
    assert.ok(open <= MAX_CONNECTIONS, `${open} are open`);
    for (const socket of all) socket.destroy();
    await setTimeout(500);
    await assertServes(t);
  });

  it('connections that say nothing, or half of what they must say, are closed', async (t) => {
    daemon.forgetPeak();
    const all = Array.from({ length: 300 }, () => socketTo(daemon.tcp));
    t.after(() => {
      for (const socket of all) socket.destroy();
    });
    await Promise.all(all.map((socket) => once(socket, 'connect')));
    for (const socket of all.slice(100)) socket.write(PREFACE.slice(0, 12));
    const trickle = setInterval(() => {
      for (const [at, socket] of all.slice(200).entries()) if (socket.writable) socket.write(PREFACE[12 + (at % 3)] as string);
    }, 5_000);
    t.after(() => clearInterval(trickle));
    await assertServes(t);
    await setTimeout(GREETING_MS);
    assert.equal(all.filter(({ closed }) => !closed).length, 0);
    await assertServes(t);
  });

  it('health is asked while all places are taken', async (t) => {
    const all = connections(t, 1);
    for (let call = 0; call < MAX_CALLS; call += 1) all[0]?.open('Encrypt');
    const check = new RawConnection(daemon.tcp);
    t.after(() => check.close());
    const call = check.open('grpc.health.v1.Health/Check');
    call.stream.end(frame(new Uint8Array(0)));
    assert.equal((await call.ended).code, 'OK');
    await assertServes(t);
  });
});

async function until(holds: () => boolean): Promise<void> {
  const givenUpMs = performance.now() + PATIENCE_MS;
  while (!holds() && performance.now() < givenUpMs) await setTimeout(50);
}

/** Takes what comes and minds no end. */
function socketTo(tcp: string): Socket {
  const [host, port] = tcp.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  socket.resume();
  return socket;
}
