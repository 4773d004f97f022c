import { KeysideError } from '../core/errors.ts';
import { Bulkhead, type BulkheadCall } from './bulkhead.ts';
import type { Timer } from './timer.ts';

/** Calls at once while the service does not throttle. */
const MAX_CONCURRENT = 512;
/** Calls at once that even the harshest throttling leaves: enough for the others where some of them are slow. */
const MIN_CONCURRENT = 16;
/** What of its calls under way a service is still given after it throttled. */
const BACK_OFF = 0.7;
/** Throttling of two tenants within this time is taken for the shared limit; of one alone, for that tenant's own. */
const TOGETHER_MS = 1_000;
/** After so long without throttling nobody is held back any more. */
const FORGOTTEN_MS = 10_000;
/** Refusals that come together are one: they answer calls that were made before any of them was known. */
const SETTLE_MS = 100;

/**
 * What keys of several tenants use up together, such as an account's requests per second. While the service does not throttle, nobody
 * waits. When it throttles several of them, fewer calls are made at once, and a few more with each that succeeds (additive increase,
 * multiplicative decrease); they go to the tenants in turn, and none ever has more than half: a tenant with many calls, or with a KMS
 * that hangs, does not use up what the others need. What throttles one tenant alone may be its own key's limit and is not the others'
 * affair.
 */
export class SharedQuota {
  readonly #timer: Timer;
  readonly #places: Bulkhead;
  #limit = MAX_CONCURRENT;
  #heldBackAtMs = Number.NEGATIVE_INFINITY;
  /** Who was throttled last, and when. */
  #throttled = { lane: '', atMs: Number.NEGATIVE_INFINITY };

  /** `name` says in messages what is shared. */
  constructor(name: string, timer: Timer) {
    this.#timer = timer;
    // What waits here has a place at its key, and those are bounded.
    this.#places = new Bulkhead(name, { maxConcurrent: MAX_CONCURRENT, maxQueued: Number.POSITIVE_INFINITY });
    this.#resize(MAX_CONCURRENT);
  }

  /** Whether the service throttled and has not yet been found to bear more. */
  get isHeldBack(): boolean {
    return this.#limit < MAX_CONCURRENT;
  }

  /** Runs one attempt once there is a place for its tenant. */
  async run<T>(attempt: () => Promise<T>, call: BulkheadCall): Promise<T> {
    return this.#places.run(async () => {
      try {
        const reply = await attempt();
        if (this.isHeldBack) this.#bearMore();
        return reply;
      } catch (error) {
        if (error instanceof KeysideError && error.reason === 'KMS_THROTTLED') this.#noteThrottled(call.lane);
        throw error;
      }
    }, call);
  }

  #bearMore(): void {
    const isForgotten = this.#timer.nowMs() - this.#throttled.atMs >= FORGOTTEN_MS;
    this.#resize(isForgotten ? MAX_CONCURRENT : this.#limit + 1 / this.#limit);
  }

  #noteThrottled(lane: string): void {
    const nowMs = this.#timer.nowMs();
    const last = this.#throttled;
    const isShared = last.lane !== lane && nowMs - last.atMs < TOGETHER_MS;
    this.#throttled = { lane, atMs: nowMs };
    if (isShared || this.isHeldBack) this.#holdBack(nowMs);
  }

  #holdBack(nowMs: number): void {
    if (nowMs - this.#heldBackAtMs < SETTLE_MS) return;
    this.#heldBackAtMs = nowMs;
    this.#resize(Math.min(this.#limit, this.#places.taken) * BACK_OFF);
  }

  #resize(limit: number): void {
    this.#limit = Math.min(MAX_CONCURRENT, Math.max(MIN_CONCURRENT, limit));
    const whole = Math.floor(this.#limit);
    this.#places.resize(whole, Math.ceil(whole / 2));
  }
}
