import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { BatchEncryptRequest } from '../../src/gen/keyside/v1/crypto.ts';
import { encryptRequest, none } from '../integration/requests.ts';
import { ATTACKERS, AttackedDaemon } from './attacked-daemon.ts';
import { frame, prefix, type RawCall, RawConnection, type Seen } from './raw-connection.ts';

const MIB = 2 ** 20;
const CONNECTIONS = 500;
const HONEST_CALLS = 30;
const PATIENCE_MS = 20_000;

describe('messages that together are larger than the memory there is', () => {
  let daemon: AttackedDaemon;
  before(async () => {
    daemon = await AttackedDaemon.start();
  });
  after(() => daemon.stop());

  /** Opens a call on each of many connections, and has honest calls served until as many as expected have ended. */
  async function attack(
    t: TestContext,
    open: (connection: RawConnection) => RawCall,
    expected: number,
  ): Promise<readonly Seen[]> {
    daemon.forgetPeak();
    const connections = Array.from({ length: CONNECTIONS }, () => new RawConnection(daemon.tcp));
    const close = (): void => {
      for (const connection of connections) connection.close();
    };
    t.after(close);
    const ended: Seen[] = [];
    for (const connection of connections) void open(connection).ended.then((seen) => ended.push(seen));
    const givenUpMs = performance.now() + PATIENCE_MS;
    for (let honest = 0; honest < HONEST_CALLS || (ended.length < expected && performance.now() < givenUpMs); honest += 1) {
      assert.equal((await daemon.small()).reason, 'OK', 'an honest call is served meanwhile');
      await setTimeout(50);
    }
    // Those that end from here on are ended by this side.
    const endedByDaemon = [...ended];
    close();
    assert.equal(await daemon.inFlight((calls) => calls === 0), 0, 'calls in flight afterwards');
    assert.equal((await daemon.small()).reason, 'OK');
    assert.ok(daemon.excessMib() <= 0, daemon.memoryMib());
    t.diagnostic(daemon.memoryMib());
    return endedByDaemon;
  }

  /** At least half were told so at once; on a busy machine, others do not get to send their first bytes in time. */
  function assertOverloaded(seen: readonly Seen[]): void {
    const overloaded = seen.filter(({ reason }) => reason === 'OVERLOADED');
    assert.ok(overloaded.length >= CONNECTIONS / 2, `${overloaded.length} were refused`);
    for (const { code, hasRetryInfo } of overloaded) assert.deepEqual([code, hasRetryInfo], ['RESOURCE_EXHAUSTED', true]);
    for (const { reason } of seen) assert.ok(reason === 'OVERLOADED' || reason === 'DEADLINE_EXCEEDED', reason);
  }

  it('4 MiB from 500 connections, all but the last byte: few are let in, the others told so before their bytes are taken', async (t) => {
    const size = 4 * MIB;
    const body = Buffer.alloc(size - 1);
    const ended = await attack(
      t,
      (connection) => {
        const call = connection.open('Encrypt');
        call.stream.write(prefix(size));
        call.stream.write(body);
        return call;
      },
      CONNECTIONS - ATTACKERS.maxBytes / size,
    );
    assertOverloaded(ended);
  });

  it('4 MiB of documents from 500 connections, whose replies nobody takes', async (t) => {
    const request = frame(encryptRequest({ fields: new Map([['a', Buffer.alloc(3 * MIB)]]) }));
    await attack(
      t,
      (connection) => {
        const call = connection.open('Encrypt', { isRead: false });
        call.stream.end(request);
        return call;
      },
      0,
    );
  });

  it('a thousand small documents each from 500 connections, whose replies are much larger and taken by nobody', async (t) => {
    const documents = Array.from({ length: 1_000 }, () => ({ id: '', ...none }));
    const request = frame(BatchEncryptRequest.encode({ tenantId: 'acme', metadata: undefined, documents }).finish());
    await attack(
      t,
      (connection) => {
        const call = connection.open('BatchEncrypt', { isRead: false });
        call.stream.end(request);
        return call;
      },
      0,
    );
  });

  it('many empty documents in a message, kept open on 500 connections: what they decode to counts', async (t) => {
    const request = frame(Buffer.alloc(400 * 1024, Buffer.of(0x12, 0x00)));
    const ended = await attack(
      t,
      (connection) => {
        const call = connection.open('BatchEncrypt');
        call.stream.write(request);
        return call;
      },
      0,
    );
    assert.ok(ended.every(({ reason }) => reason === 'OVERLOADED' || reason === 'PAYLOAD_TOO_LARGE'));
  });

  it('compressed messages are not accepted: a few KiB could become many MiB', async (t) => {
    const message = gzipSync(Buffer.alloc(8 * MIB));
    const ended = await attack(
      t,
      (connection) => {
        const call = connection.open('Encrypt', { headers: { 'grpc-encoding': 'gzip' } });
        call.stream.end(Buffer.concat([prefix(message.length, 1), message]));
        return call;
      },
      CONNECTIONS,
    );
    assert.equal(ended.length, CONNECTIONS);
    assert.ok(ended.every(({ reason }) => reason === 'REQUEST_INVALID'));
  });
});
