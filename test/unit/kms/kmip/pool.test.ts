import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KmipConnection } from '../../../../src/kms/kmip/connection.ts';
import { KmipPool } from '../../../../src/kms/kmip/pool.ts';

/** A connection of which the test says when it answers. */
class FakeConnection {
  readonly credential = undefined;
  isOpen = true;
  isInUse = false;
  uses = 0;
  answer: () => void = () => undefined;

  async exchange(request: Uint8Array): Promise<Uint8Array> {
    assert.ok(!this.isInUse && this.isOpen);
    this.isInUse = true;
    this.uses += 1;
    await new Promise<void>((resolve) => {
      this.answer = resolve;
    });
    this.isInUse = false;
    return request;
  }

  close(): void {
    this.isOpen = false;
  }
}

function pooled(connections: number) {
  const opened: FakeConnection[] = [];
  const clock = { ms: 0 };
  const pool = new KmipPool(connections, {
    nowMs: () => clock.ms,
    open: async () => {
      const connection = new FakeConnection();
      opened.push(connection);
      return connection as unknown as KmipConnection;
    },
  });
  const ask = (signal = new AbortController().signal) => pool.exchange(() => Uint8Array.of(1), { signal, lane: 'acme-main' });
  return { pool, opened, clock, ask };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a pool of connections to a KMIP server', () => {
  it('opens as many as are used at once, no more than allowed, and the rest wait', async () => {
    const { opened, ask } = pooled(2);
    const exchanges = [ask(), ask(), ask()];
    await settled();
    assert.equal(opened.length, 2);
    opened[0]?.answer();
    await exchanges[0];
    await settled();
    assert.deepEqual(
      opened.map(({ uses }) => uses),
      [2, 1],
    );
    for (const { answer } of opened) answer();
    await Promise.all(exchanges);
    assert.equal(opened.length, 2);
  });

  const answered = async ({ opened, ask }: ReturnType<typeof pooled>): Promise<void> => {
    const exchange = ask();
    await settled();
    for (const connection of opened) connection.answer();
    await exchange;
  };

  it('uses a connection again', async () => {
    const pool = pooled(4);
    for (let number = 0; number < 3; number += 1) await answered(pool);
    assert.equal(pool.opened.length, 1);
  });

  it('opens another one in place of one that ended', async () => {
    const pool = pooled(1);
    await answered(pool);
    pool.opened[0]?.close();
    await answered(pool);
    assert.equal(pool.opened.length, 2);
  });

  it('replaces a connection after 10 minutes, however much it is used', async () => {
    const pool = pooled(1);
    await answered(pool);
    pool.clock.ms = 599_999;
    await answered(pool);
    assert.equal(pool.opened.length, 1);
    pool.clock.ms = 600_000;
    await answered(pool);
    assert.equal(pool.opened.length, 2);
    assert.ok(pool.opened[0]?.isOpen === false);
  });

  it('lets a caller that waits go away, and its place is free', async () => {
    const { opened, ask } = pooled(1);
    const first = ask();
    const caller = new AbortController();
    const second = assert.rejects(ask(caller.signal), { reason: 'CANCELLED' });
    await settled();
    caller.abort();
    await second;
    opened[0]?.answer();
    await first;
    assert.equal(opened[0]?.uses, 1);
  });

  it('closes idle connections at once, and others after their exchange', async () => {
    const { pool, opened, ask } = pooled(2);
    const exchanges = [ask(), ask()];
    await settled();
    opened[0]?.answer();
    await exchanges[0];
    pool.close();
    assert.deepEqual(
      opened.map(({ isOpen }) => isOpen),
      [false, true],
    );
    opened[1]?.answer();
    await exchanges[1];
    assert.ok(!opened[1]?.isOpen);
  });
});
