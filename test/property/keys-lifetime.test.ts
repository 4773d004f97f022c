import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeysideError } from '../../src/core/errors.ts';
import { PROVIDER_NUMBERS, WRAP_ALGORITHMS } from '../../src/core/providers.ts';
import { encodeKeyBlock, type KeyBlock } from '../../src/envelope/key-block.ts';
import { KeyRing } from '../../src/keys/key-ring.ts';
import { TenantDirectory } from '../../src/tenants/directory.ts';
import type { Tenant } from '../../src/tenants/tenant.ts';
import { FakeCallScope } from '../fakes/call-scope.ts';
import { DatedKms, type Mood } from '../fakes/dated-kms.ts';
import { FakeTimer } from '../fakes/kms-timer.ts';
import { RecordedMetrics } from '../fakes/recorded-metrics.ts';
import { labelPolicy, tenantContent } from '../fakes/tenants.ts';
import { checkAsync } from './runs.ts';

/** How long the reader takes a failed attempt for knowledge of an outage. */
const OUTAGE_KNOWN_MS = 5_000;
const RUNS = 80;

type Step =
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'read'; readonly block: 0 | 1 }
  | { readonly do: 'leave' | 'drop' | 'sweep' }
  | { readonly do: 'turn'; readonly mood: Mood; readonly latencyMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.oneof(fc.nat(1_500), fc.nat(9_000)) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('read'), block: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave', 'drop', 'sweep') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('turn'),
      mood: fc.constantFrom<Mood>('answers', 'answers', 'unreachable', 'unreachable', 'denies', 'revoked'),
      latencyMs: fc.nat(4_000),
    }),
  },
);

/** A ring over a dated KMS, and a judge of every read that it serves. */
class Trial {
  readonly timer = new FakeTimer();
  readonly kms = new DatedKms(this.timer);
  readonly #ring: KeyRing;
  readonly #tenant: Tenant;
  readonly #policy: ReturnType<typeof labelPolicy>;
  readonly #reads: Promise<void>[] = [];
  readonly #waiting = new Set<FakeCallScope>();
  /** Calls with lower numbers were sent before the last drop. */
  #droppedBelow = 0;
  served = 0;

  constructor(ttlMs: number, outageLimitMs: number) {
    this.#policy = labelPolicy({ cacheTtlMs: ttlMs, outageLimitMs });
    const tenants = new TenantDirectory();
    tenants.apply({ changed: [tenantContent('acme')], removed: [] });
    [this.#tenant] = [...tenants] as [Tenant];
    this.#ring = new KeyRing({
      keys: this.kms,
      clock: this.timer,
      timer: this.timer,
      metrics: new RecordedMetrics(),
      limits: { maxEntries: 10, maxBytes: 2 ** 20, negativeTtlMs: 1_000 },
    });
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'pass':
        return this.timer.advance(step.ms);
      case 'read':
        this.#reads.push(this.#read(step.block));
        return;
      case 'leave':
        for (const scope of this.#waiting) scope.passDeadline();
        return;
      case 'drop':
        this.#droppedBelow = this.kms.calls.length;
        this.#ring.dropTenant(this.#tenant.id);
        return;
      case 'sweep':
        this.#ring.sweep();
        return;
      case 'turn':
        this.kms.mood = step.mood;
        this.kms.latencyMs = step.latencyMs;
    }
  }

  async end(): Promise<void> {
    await this.timer.advance(10_000);
    await Promise.all(this.#reads);
  }

  async #read(block: 0 | 1): Promise<void> {
    const { calls } = this.kms;
    const floor = Math.max(this.#droppedBelow, this.#sentBeforeRevocation());
    const scope = new FakeCallScope();
    this.#waiting.add(scope);
    try {
      const keyBlock = BLOCKS[block];
      const use = { policy: this.#policy, maxAgeMs: Number.POSITIVE_INFINITY, verifies: () => true };
      using dataKey = await this.#ring.reader.open({ tenant: this.#tenant, keyBlock, ...use }, scope);
      const number = DatedKms.numberOf(dataKey);
      assert.ok(number >= floor, `call ${number} was sent before a drop or a revocation that this read came after (${floor})`);
      this.#judge(number);
      this.served += 1;
    } catch (error) {
      if (!(error instanceof KeysideError) || error.reason === 'INTERNAL') throw error;
    } finally {
      this.#waiting.delete(scope);
    }
    assert.ok(calls.length < 10_000);
  }

  /** Numbers below this one were sent before the key was known to be revoked. */
  #sentBeforeRevocation(): number {
    const { calls } = this.kms;
    const learnedAtMs = Math.max(
      -1,
      ...calls.filter(({ answer }) => answer?.mood === 'revoked').map(({ answer }) => answer?.atMs ?? -1),
    );
    return calls.filter(({ sentAtMs }) => sentAtMs < learnedAtMs).length;
  }

  #judge(number: number): void {
    const nowMs = this.timer.nowMs();
    const proof = this.kms.calls[number];
    assert.equal(proof?.answer?.mood, 'answers', 'a data key comes from a call that was answered');
    const ageMs = nowMs - proof.sentAtMs;
    if (ageMs < this.#policy.cacheTtlMs) return;
    assert.ok(ageMs < this.#policy.outageLimitMs, `served ${ageMs} ms after the call that proved it was sent`);
    const since = this.kms.calls.slice(number + 1).filter(({ block }) => block === proof.block);
    assert.ok(!since.some(({ answer }) => answer?.mood === 'denies'), 'served past ttl though the KMS refused since');
    const failures = since.filter(({ answer }) => answer?.mood === 'unreachable');
    assert.ok(failures.length > 0, 'served past ttl though no attempt failed');
    const lastKnownMs = Math.max(...failures.map(({ answer }) => answer?.atMs ?? 0));
    const isAskedInTime = since.some(({ sentAtMs, answer }) => answer === undefined && sentAtMs < lastKnownMs + OUTAGE_KNOWN_MS);
    assert.ok(nowMs < lastKnownMs + OUTAGE_KNOWN_MS || isAskedInTime, 'served past ttl on old knowledge of an outage');
  }
}

const BLOCKS = [block(1), block(2)] as const;

function block(ciphertext: number): KeyBlock {
  const [key] = tenantContent('acme').keys;
  if (key === undefined) throw new Error('the tenant has a key');
  return encodeKeyBlock([
    {
      provider: PROVIDER_NUMBERS[key.provider],
      algorithm: WRAP_ALGORITHMS.service,
      configurationId: key.id,
      keyVersion: '1',
      share: 0,
      shareCount: 0,
      ciphertext: Uint8Array.of(ciphertext),
    },
  ]);
}

describe('whatever the order of reads, outages, refusals, drops and departures', () => {
  it('no data key serves longer than ttl after its proof was sent, save in a present outage within its limit; nor after a drop', async () => {
    let served = 0;
    const limits = fc.tuple(fc.integer({ min: 5_000, max: 12_000 }), fc.constantFrom(1, 4));
    await checkAsync(
      fc.asyncProperty(limits, fc.array(step, { minLength: 10, maxLength: 60 }), async ([ttlMs, factor], steps) => {
        const trial = new Trial(ttlMs, ttlMs * factor);
        for (const each of steps) await trial.take(each);
        await trial.end();
        served += trial.served;
      }),
      RUNS,
    );
    assert.ok(served >= RUNS, 'most schedules serve something');
  });
});
