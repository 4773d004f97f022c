import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { it } from 'node:test';
import fc from 'fast-check';
import type { ApiServer } from '../../src/injector/certificates/api-server.ts';
import { SelfMadeCertificates } from '../../src/injector/certificates/self-made.ts';
import { isCovered, readCertificates, type ServingCertificate } from '../../src/injector/certificates/trust.ts';
import { ClusterObjects, failure } from '../fakes/cluster-objects.ts';
import { NAMESPACE, SERVICE, WEBHOOK_PATH, webhook, webhookConfiguration } from '../unit/injector/certificates/samples.ts';
import { checkAsync } from './runs.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const START_MS = Date.UTC(2030, 0, 1);
const PROPAGATION_MS = 2 * MINUTE_MS;
const RULES = { dnsNames: ['injector.keyside.svc'], authorityLifetimeMs: 90 * MINUTE_MS, certificateLifetimeMs: 25 * MINUTE_MS };
/** Two changes of the authority, and the end of the first. */
const END_MS = START_MS + 150 * MINUTE_MS;
const REPLICAS = 3;
/** After clocks are right again: the longest pause, two looks, and the propagation. */
const MENDED_MS = 6 * MINUTE_MS;
/** No divisor of the propagation: what comes after exactly that long is neither early nor late. */
const QUIET_PAUSE_MS = 21 * SECOND_MS;
/** More than certificates and authorities in this time take. */
const USUAL_WRITES = 30;
/** Every so many looks of a replica are without trouble: certificates that nobody can renew end, and then nothing is promised. */
const GOOD_LOOK = 3;

/** What comes between one look and the next, and during a look. */
interface Turn {
  /** Of this replica; a long one is a replica that hung. */
  readonly pauseMs: number;
  /** Who leads from now on, unless the present leader has not had a look yet in which all went well. */
  readonly leader: number | undefined;
  /** Of each request of the look in turn. */
  readonly requests: readonly ('done' | 'lost' | 'done, but nobody hears')[];
  /** The leader changes in the midst of a look: the old one's writes may come after the new one's. */
  readonly isTornAway: boolean;
  /** How far the wall clock of this replica is off, to the next look. */
  readonly wrongMs: number;
}

/** Clocks that differ by less than certificates begin before they are made. */
const slightly = fc.constantFrom(-70 * SECOND_MS, 0, 70 * SECOND_MS);
/** From minutes to many lives of an authority, to either side. */
const wildly = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  ...[20, 100, 1_000].map((minutes) => ({ weight: 1, arbitrary: fc.integer({ min: -minutes, max: minutes }).map(toMs) })),
);

function toMs(minutes: number): number {
  return minutes * MINUTE_MS;
}

const turnsWith = (wrongMs: fc.Arbitrary<number>) =>
  fc.array(
    fc.record({
      wrongMs,
      pauseMs: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 20 * SECOND_MS, max: 60 * SECOND_MS }) },
        fc.nat(2 * MINUTE_MS),
      ),
      leader: fc.option(fc.nat(REPLICAS - 1), { nil: undefined, freq: 4 }),
      requests: fc.array(fc.constantFrom('done', 'done', 'done', 'lost', 'done, but nobody hears'), {
        minLength: 1,
        maxLength: 4,
      }),
      isTornAway: fc.boolean(),
    } as const),
    { minLength: 20, maxLength: 200 },
  );

interface Replica {
  readonly certificates: SelfMadeCertificates;
  serving: ServingCertificate | undefined;
  turn: Turn | undefined;
  wrongMs: number;
  nextMs: number;
  looks: number;
}

class World {
  nowMs = START_MS;
  #leader = 0;
  #mayLeaderChange = false;
  /** What the webhook said, and until when; an API server may have heard of a change, or not, for as long as the propagation takes. */
  readonly #history: { readonly authorities: readonly X509Certificate[]; untilMs: number; readonly text: string }[] = [];
  readonly #cluster = new ClusterObjects();
  readonly #turns: readonly Turn[];
  readonly #replicas: Replica[];
  readonly #covered = new Map<string, boolean>();
  #taken = 0;
  #readyMs: number | undefined;
  readonly signers = new Set<string>();
  /** Until then clocks are off and nothing is promised; afterwards all goes well. */
  readonly #troubledMs: number;
  /** How often a leader's look was by another clock than the one before. */
  #clockChanges = 0;
  #lastWrongMs = 0;

  constructor(turns: readonly Turn[], troubledMs = 0) {
    this.#turns = turns;
    this.#troubledMs = START_MS + troubledMs;
    this.#cluster.put(WEBHOOK_PATH, webhookConfiguration(webhook()));
    this.#replicas = Array.from({ length: REPLICAS }, (_, index) => this.#replica(index));
  }

  async run(): Promise<void> {
    while (this.nowMs < END_MS) {
      this.nowMs = Math.min(...this.#replicas.map(({ nextMs }) => nextMs));
      // Those that are due within the same second look at the same time.
      const due = this.#replicas.filter(({ nextMs }) => nextMs - this.nowMs < SECOND_MS);
      for (const replica of due) this.#prepare(replica);
      this.#judge();
      await Promise.all(due.map(({ certificates }) => certificates.check()));
      this.#keepHistory();
      this.#judge();
    }
  }

  /** Of the Secret: so many, and how many there may be. */
  get writes(): { readonly done: number; readonly allowed: number } {
    const done = this.#cluster.writes.filter(({ path }) => path.includes('/secrets')).length;
    return { done, allowed: USUAL_WRITES + 2 * this.#clockChanges };
  }

  #prepare(replica: Replica): void {
    const turn = this.#turns[this.#taken++ % this.#turns.length] as Turn;
    replica.looks += 1;
    // While the first certificate is not known everywhere nothing is promised: nobody hangs then, and all is done.
    const isBeginning = this.#readyMs === undefined || this.nowMs < this.#readyMs;
    const isQuiet = isBeginning || (this.#troubledMs > START_MS && this.nowMs >= this.#troubledMs);
    const isGood = isQuiet || replica.looks % GOOD_LOOK === 0;
    replica.nextMs = this.nowMs + (isQuiet ? QUIET_PAUSE_MS : turn.pauseMs);
    replica.wrongMs = this.#troubledMs > START_MS && isQuiet && !isBeginning ? 0 : turn.wrongMs;
    replica.turn = isGood ? { ...turn, requests: ['done'], leader: undefined } : turn;
    if (!replica.turn.isTornAway) this.#lead(replica.turn.leader);
    if (this.#replicas[this.#leader] !== replica) return;
    if (isGood) this.#mayLeaderChange = true;
    if (replica.wrongMs !== this.#lastWrongMs) this.#clockChanges += 1;
    this.#lastWrongMs = replica.wrongMs;
  }

  #lead(next: number | undefined): void {
    if (next === undefined || next === this.#leader || !this.#mayLeaderChange) return;
    this.#leader = next;
    this.#mayLeaderChange = false;
  }

  #keepHistory(): void {
    const { webhooks } = this.#cluster.peek(WEBHOOK_PATH) as { webhooks: { clientConfig: { caBundle?: string } }[] };
    const text = Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
    const last = this.#history.at(-1);
    if (last?.text === text) return;
    if (last !== undefined) last.untilMs = this.nowMs;
    this.#history.push({ authorities: readCertificates(text), untilMs: Number.POSITIVE_INFINITY, text });
    if (text !== '') this.#readyMs ??= this.nowMs + PROPAGATION_MS;
  }

  /** Every replica is trusted by every API server, by those that are behind as by those that are not. */
  #judge(): void {
    if (this.#readyMs === undefined || this.nowMs <= this.#readyMs) return;
    if (this.#troubledMs > START_MS && this.nowMs < this.#troubledMs + MENDED_MS) return;
    const believed = this.#history.filter(({ untilMs }) => untilMs >= this.nowMs - PROPAGATION_MS);
    assert.ok(believed.length > 0);
    for (const { serving } of this.#replicas) {
      assert.ok(serving !== undefined);
      for (const { authorities, text } of believed) assert.ok(this.#isCovered(serving, authorities, text), this.#words(serving));
    }
  }

  #isCovered({ leaf }: ServingCertificate, authorities: readonly X509Certificate[], text: string): boolean {
    // Signatures do not change with time, and are what takes long.
    const key = `${leaf.fingerprint256} ${text}`;
    const known = this.#covered.get(key) ?? isCovered(leaf, authorities, this.nowMs);
    this.#covered.set(key, known);
    return known && this.nowMs < leaf.validToDate.getTime();
  }

  #words({ leaf }: ServingCertificate): string {
    return `${leaf.issuer} ending ${leaf.validTo} is not trusted everywhere at ${new Date(this.nowMs).toISOString()}`;
  }

  #replica(index: number): Replica {
    const world = this;
    const replica: Replica = {
      certificates: new SelfMadeCertificates({
        api: this.#api(() => replica.turn as Turn),
        leader: {
          get isLeading() {
            return world.#leader === index;
          },
        },
        secret: 'certificate',
        place: { webhookConfiguration: 'injector', namespace: NAMESPACE, service: SERVICE },
        rules: RULES,
        propagationMs: PROPAGATION_MS,
        monotonicMs: () => this.nowMs + index * 1e7,
        wallMs: () => this.nowMs + replica.wrongMs,
        logger: { log: () => undefined },
        onCertificate: (serving) => {
          replica.serving = serving;
          this.signers.add(serving.leaf.issuer);
        },
      }),
      serving: undefined,
      turn: undefined,
      wrongMs: 0,
      nextMs: START_MS,
      looks: 0,
    };
    return replica;
  }

  #api(turnNow: () => Turn): ApiServer {
    let requests = 0;
    const act = async <Answer>(action: () => Promise<Answer>): Promise<Answer> => {
      const turn = turnNow();
      const fate = turn.requests[requests++ % turn.requests.length];
      if (turn.isTornAway) this.#lead(turn.leader);
      if (fate === 'lost') throw failure('unavailable', 'lost');
      // Each at a pace of its own, so that replicas come between each other's requests.
      for (let pace = requests % 3; pace > 0; pace -= 1) await Promise.resolve();
      const answer = await action();
      this.#keepHistory();
      if (fate !== 'done') throw failure('unavailable', 'the answer is lost');
      return answer;
    };
    return {
      get: (path) => act(() => this.#cluster.get(path)),
      create: (path, object) => act(() => this.#cluster.create(path, object)),
      replace: (path, object) => act(() => this.#cluster.replace(path, object)),
      patch: (path, steps) => act(() => this.#cluster.patch(path, steps)),
    };
  }
}

it('serves no certificate that an API server might not trust, in whichever order they hear of a change and however clocks step', async () => {
  let signers = 0;
  await checkAsync(
    fc.asyncProperty(turnsWith(slightly), async (all) => {
      const world = new World(all);
      await world.run();
      signers += world.signers.size;
    }),
    5,
  );
  assert.ok(signers > 5, 'no authority was ever followed by another');
});

it('recovers from clocks that were far off, and writes for each change of a clock and not at each look', async () => {
  await checkAsync(
    fc.asyncProperty(turnsWith(wildly), async (all) => {
      const world = new World(all, 60 * MINUTE_MS);
      await world.run();
      const { done, allowed } = world.writes;
      assert.ok(done <= allowed, `${done} writes of the secret`);
    }),
    3,
  );
});
