import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiServer, ApiServerFailure } from '../../../../src/injector/certificates/api-server.ts';
import { Leader } from '../../../../src/injector/certificates/leader.ts';
import { ClusterObjects, failure } from '../../../fakes/cluster-objects.ts';
import { KeptLog, LEASE_PATH, NAMESPACE } from './samples.ts';

const TIMES = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000 };
/** Far from any clock of the test: nothing may be judged by it. */
const WALL_MS = Date.UTC(2031, 4, 6, 7, 8, 9, 123);

class World {
  readonly cluster = new ClusterObjects();
  readonly log = new KeptLog();
  nowMs = 0;
  /** What the clock counts that others do not: sleep, or a step of the wall clock. */
  readonly jumpsMs = new Map<string, number>();
  /** How long the next write is under way, there and back. */
  slowMs = 0;
  /** What the next request fails with, after it was done where `isDone`. */
  failNext: { readonly failure: ApiServerFailure; readonly isDone: boolean } | undefined;

  replica(identity: string, { wallMs = WALL_MS, offsetMs = 0 } = {}): Leader {
    return new Leader({
      api: this.#api(),
      namespace: NAMESPACE,
      lease: 'injector',
      identity,
      times: TIMES,
      clock: { nowMs: () => this.nowMs + offsetMs + (this.jumpsMs.get(identity) ?? 0) },
      monotonicMs: () => this.nowMs + offsetMs,
      wallMs: () => wallMs,
      logger: this.log,
    });
  }

  get spec(): Readonly<Record<string, unknown>> {
    return this.cluster.peek(LEASE_PATH).spec as Record<string, unknown>;
  }

  /** As the chart makes it. */
  empty(): void {
    this.cluster.put(LEASE_PATH, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'injector', namespace: NAMESPACE },
    });
  }

  #api(): ApiServer {
    const write = async <Answer>(action: () => Promise<Answer>): Promise<Answer> => {
      const fails = this.failNext;
      this.failNext = undefined;
      if (fails !== undefined && !fails.isDone) throw failure(fails.failure, 'failed');
      this.nowMs += this.slowMs / 2;
      const answer = await action();
      this.nowMs += this.slowMs / 2;
      this.slowMs = 0;
      if (fails !== undefined) throw failure(fails.failure, 'failed after all');
      return answer;
    };
    return {
      get: (path) => this.cluster.get(path),
      create: (path, object) => write(() => this.cluster.create(path, object)),
      replace: (path, object) => write(() => this.cluster.replace(path, object)),
      patch: () => assert.fail('a lease is not patched'),
    };
  }
}

describe('the leader', () => {
  it('takes a lease that is empty, and writes it as client-go does', async () => {
    const world = new World();
    world.empty();
    const a = world.replica('a');
    await a.step();
    assert.equal(a.isLeading, true);
    assert.deepEqual(world.spec, {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2031-05-06T07:08:09.123000Z',
      renewTime: '2031-05-06T07:08:09.123000Z',
      leaseTransitions: 1,
    });
  });

  it('makes the lease where there is none, and of two that do one leads', async () => {
    const world = new World();
    const [a, b] = [world.replica('a'), world.replica('b')];
    await Promise.all([a.step(), b.step()]);
    assert.deepEqual([a.isLeading, b.isLeading], [true, false]);
    assert.equal(world.spec.holderIdentity, 'a');
    assert.deepEqual(world.log.troubles, []);
  });

  it('keeps the lease and the time it was taken', async () => {
    const world = new World();
    const a = world.replica('a');
    for (const nowMs of [0, 9_000, 18_000]) {
      world.nowMs = nowMs;
      await a.step();
      assert.ok(a.isLeading);
    }
    assert.deepEqual([world.spec.leaseTransitions, world.spec.acquireTime], [1, '2031-05-06T07:08:09.123000Z']);
  });

  it('leads no longer than its deadline after it asked, though nobody else does', async () => {
    const world = new World();
    const a = world.replica('a');
    await a.step();
    world.nowMs = 9_999;
    assert.equal(a.isLeading, true);
    world.nowMs = 10_000;
    assert.equal(a.isLeading, false);
    await a.step();
    assert.equal(a.isLeading, true);
  });

  it('counts that from when it asked, since the answer may have been long under way', async () => {
    const world = new World();
    world.empty();
    const a = world.replica('a');
    world.slowMs = 4_000;
    await a.step();
    assert.deepEqual([world.nowMs, a.isLeading], [4_000, true]);
    world.nowMs = 10_000;
    assert.equal(a.isLeading, false);
  });

  it('waits the whole duration from when it saw the lease change, whatever clock that names', async () => {
    for (const wallMs of [0, WALL_MS, Date.UTC(2199, 0, 1)]) {
      const world = new World();
      const [a, b] = [world.replica('a', { wallMs }), world.replica('b', { offsetMs: 1e9 })];
      await a.step();
      for (const nowMs of [2_000, 9_000, 17_000]) {
        world.nowMs = nowMs;
        await b.step();
        assert.equal(b.isLeading, false, `${nowMs}`);
      }
      world.nowMs = 17_001;
      await b.step();
      assert.equal(b.isLeading, true);
      assert.deepEqual([world.spec.holderIdentity, world.spec.leaseTransitions], ['b', 2]);
    }
  });

  it('counts a step of its wall clock as no time in which the holder was silent', async () => {
    const world = new World();
    const [a, b] = [world.replica('a'), world.replica('b')];
    await a.step();
    await b.step();
    world.nowMs = 1_000;
    world.jumpsMs.set('b', 20_000);
    await b.step();
    assert.deepEqual([a.isLeading, b.isLeading], [true, false]);
    assert.equal(world.spec.holderIdentity, 'a');
  });

  it('leads no longer where it slept beyond its deadline, though its monotonic clock stood still', async () => {
    const world = new World();
    const a = world.replica('a');
    await a.step();
    world.jumpsMs.set('a', 9_999);
    assert.equal(a.isLeading, true);
    world.jumpsMs.set('a', 10_000);
    assert.equal(a.isLeading, false);
  });

  it('waits as long as the holder says, where that is longer', async () => {
    const world = new World();
    world.cluster.put(LEASE_PATH, { metadata: {}, spec: { holderIdentity: 'other', leaseDurationSeconds: 60 } });
    const a = world.replica('a');
    for (const [nowMs, leads] of [
      [0, false],
      [60_000, false],
      [60_001, true],
    ] as const) {
      world.nowMs = nowMs;
      await a.step();
      assert.equal(a.isLeading, leads, `${nowMs}`);
    }
  });

  it('follows at once who has taken its lease', async () => {
    const world = new World();
    const a = world.replica('a');
    await a.step();
    world.cluster.put(LEASE_PATH, { metadata: {}, spec: { holderIdentity: 'b', leaseDurationSeconds: 15 } });
    await a.step();
    assert.equal(a.isLeading, false);
    assert.equal(world.spec.holderIdentity, 'b');
  });

  it('does not lead by a write whose answer never came, and finds out at the next try', async () => {
    const world = new World();
    world.empty();
    const a = world.replica('a');
    world.failNext = { failure: 'unavailable', isDone: true };
    await a.step();
    assert.deepEqual([a.isLeading, world.spec.holderIdentity], [false, 'a']);
    await a.step();
    assert.equal(a.isLeading, true);
  });

  it('leads on through failures, to the deadline', async () => {
    const world = new World();
    const a = world.replica('a');
    await a.step();
    for (const nowMs of [3_000, 6_000, 9_000]) {
      world.nowMs = nowMs;
      world.failNext = { failure: 'unavailable', isDone: false };
      await a.step();
    }
    assert.equal(a.isLeading, true);
    world.nowMs = 10_000;
    assert.equal(a.isLeading, false);
  });

  it('gives the lease back, so that another takes it at once', async () => {
    const world = new World();
    const [a, b] = [world.replica('a'), world.replica('b')];
    await a.step();
    await b.step();
    await a.release();
    assert.deepEqual([a.isLeading, world.spec.holderIdentity], [false, '']);
    await b.step();
    assert.equal(b.isLeading, true);
    await a.release();
    assert.equal(world.spec.holderIdentity, 'b');
  });

  it('tells when it begins to lead, and once what stands in its way', async () => {
    const world = new World();
    const a = world.replica('a');
    for (const fails of [true, true, false, false]) {
      world.failNext = fails ? { failure: 'forbidden', isDone: false } : undefined;
      await a.step();
    }
    assert.deepEqual(
      world.log.lines.map(({ level, message, fields }) => [level, message, fields?.identity ?? fields?.error]),
      [
        ['error', 'the lease cannot be read or renewed', 'failed'],
        ['info', 'a trouble is over', undefined],
        ['info', 'leading', 'a'],
      ],
    );
  });
});
