import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { ApiServer } from '../../src/injector/certificates/api-server.ts';
import { Leader } from '../../src/injector/certificates/leader.ts';
import { ClusterObjects, failure } from '../fakes/cluster-objects.ts';
import { FakeTimer } from '../fakes/kms-timer.ts';
import { checkAsync } from './runs.ts';

const TIMES = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000 };
const RETRY_MS = 2_000;
const TIMEOUT_MS = 5_000;
/** How finely the world is looked at. */
const TICK_MS = 100;
const TROUBLED_MS = 90_000;
/** Enough for a lease to run out and be taken. */
const QUIET_MS = 40_000;

/** What becomes of one request, in milliseconds; beyond the client's patience the answer finds nobody, though the write was done. */
interface Passage {
  readonly thereMs: number;
  readonly backMs: number;
  /** The request, or its answer, gets lost. */
  readonly lost: 'no' | 'there' | 'back';
}

interface Life {
  readonly startMs: number;
  readonly endMs: number;
  readonly isGivenBack: boolean;
  /** How far its clock is off. */
  readonly offsetMs: number;
  /** What the clock that it leads by counts beside time: steps of the wall clock forward. */
  readonly jumps: readonly Jump[];
}

interface Jump {
  readonly atMs: number;
  readonly byMs: number;
}

const passages = fc.array(
  fc.record({
    thereMs: fc.oneof(fc.nat(50), fc.nat(8_000)),
    backMs: fc.oneof(fc.nat(50), fc.nat(4_000)),
    lost: fc.constantFrom('no', 'no', 'no', 'no', 'there', 'back'),
  } as const),
  { minLength: 1, maxLength: 60 },
);

const lives = fc.array(
  fc.record({
    startMs: fc.nat(TROUBLED_MS / 2),
    endMs: fc.integer({ min: TROUBLED_MS / 4, max: TROUBLED_MS }),
    isGivenBack: fc.boolean(),
    offsetMs: fc.integer({ min: -1e9, max: 1e9 }),
    jumps: fc.array(fc.record({ atMs: fc.nat(TROUBLED_MS), byMs: fc.nat(40_000) }), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3 },
);

/** A replica, from its start to its end. */
class Replica {
  readonly leader: Leader;
  lastLedMs = Number.NEGATIVE_INFINITY;
  isGone = false;
  isGivenBack = false;

  constructor(leader: Leader) {
    this.leader = leader;
  }
}

class World {
  readonly timer = new FakeTimer();
  readonly replicas: Replica[] = [];
  readonly #cluster = new ClusterObjects();
  readonly #passages: readonly Passage[];
  #requests = 0;

  constructor(passages: readonly Passage[]) {
    this.#passages = passages;
  }

  begin(life: Life): void {
    this.timer.after(life.startMs, () => {
      const replica = new Replica(this.#leader(life));
      this.replicas.push(replica);
      void this.#live(replica, life);
    });
  }

  async pass(durationMs: number): Promise<void> {
    const endMs = this.timer.nowMs() + durationMs;
    while (this.timer.nowMs() < endMs) {
      await this.timer.advance(TICK_MS);
      this.#look();
    }
  }

  get leaders(): number {
    return this.replicas.filter(({ leader, isGone }) => leader.isLeading && !isGone).length;
  }

  /** Nobody leads while another does, nor while a write may be under way that another began as the last of its time. */
  #look(): void {
    const nowMs = this.timer.nowMs();
    for (const replica of this.replicas) {
      if (!replica.leader.isLeading) continue;
      replica.lastLedMs = nowMs;
      for (const other of this.replicas) {
        if (other === replica || other.isGivenBack) continue;
        assert.ok(nowMs - other.lastLedMs > TIMEOUT_MS - 2 * TICK_MS, `two lead at ${nowMs} and ${other.lastLedMs}`);
      }
    }
  }

  async #live(replica: Replica, life: Life): Promise<void> {
    while (this.timer.nowMs() < life.endMs) {
      await replica.leader.step();
      await this.#wait(RETRY_MS);
    }
    if (life.isGivenBack) {
      replica.isGivenBack = true;
      await replica.leader.release();
    }
    replica.isGone = true;
  }

  #jumpedMs(jumps: readonly Jump[]): number {
    return jumps.reduce((sum, { atMs, byMs }) => sum + (atMs <= this.timer.nowMs() ? byMs : 0), 0);
  }

  #leader({ offsetMs, jumps }: Life): Leader {
    return new Leader({
      api: this.#api(),
      namespace: 'keyside',
      lease: 'injector',
      identity: `replica-${this.replicas.length}`,
      times: TIMES,
      clock: { nowMs: () => this.timer.nowMs() + offsetMs + this.#jumpedMs(jumps) },
      monotonicMs: () => this.timer.nowMs() + offsetMs,
      wallMs: () => 1e12 + this.timer.nowMs() + offsetMs,
      logger: { log: () => undefined },
    });
  }

  #api(): ApiServer {
    return {
      get: (path) => this.#request(() => this.#cluster.get(path)),
      create: (path, object) => this.#request(() => this.#cluster.create(path, object)),
      replace: (path, object) => this.#request(() => this.#cluster.replace(path, object)),
      patch: () => assert.fail('a lease is not patched'),
    };
  }

  #request<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    const isQuiet = this.timer.nowMs() >= TROUBLED_MS;
    const passage = this.#passages[this.#requests++ % this.#passages.length] as Passage;
    const { thereMs, backMs, lost } = isQuiet ? ({ thereMs: 5, backMs: 5, lost: 'no' } as const) : passage;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.timer.after(TIMEOUT_MS, () => reject(failure('unavailable', 'no answer in time')));
    if (lost === 'there') return promise;
    this.timer.after(thereMs, () => {
      const answer = act();
      answer.catch(() => undefined);
      if (lost === 'no') this.timer.after(backMs, () => answer.then(resolve, reject));
    });
    return promise;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.timer.after(ms, resolve));
  }
}

it('never has two leaders, nor writes of two at a time, whatever becomes of requests, clocks and replicas; and has one when all is quiet', async () => {
  let takeovers = 0;
  await checkAsync(
    fc.asyncProperty(passages, lives, async (each, all) => {
      const world = new World(each);
      for (const life of all) world.begin(life);
      world.begin({ startMs: 0, endMs: Number.POSITIVE_INFINITY, isGivenBack: false, offsetMs: 0, jumps: [] });
      await world.pass(TROUBLED_MS + QUIET_MS);
      assert.equal(world.leaders, 1);
      takeovers += world.replicas.filter(({ lastLedMs }) => lastLedMs > 0).length - 1;
    }),
    25,
  );
  assert.ok(takeovers > 3, `only ${takeovers} changes of the leader were seen`);
});
