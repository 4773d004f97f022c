import { KeysideError } from '../core/errors.ts';
import { endOf } from './deadline.ts';

export interface BulkheadLimits {
  /** Calls under way at once. */
  readonly maxConcurrent: number;
  /** Calls that wait for a place; beyond, they are refused. */
  readonly maxQueued: number;
}

/** On whose behalf a place is asked for. */
export interface BulkheadCall {
  readonly signal: AbortSignal;
  /** Who shares: a tenant with many calls does not keep back one with few. */
  readonly lane: string;
}

interface Lane {
  taken: number;
  readonly waiters: Set<() => void>;
}

/**
 * Places under a cap. A place that comes free goes to the lane that has the fewest, in turn where several have as few, and within a lane
 * in the order of asking. A waiter whose signal aborts leaves the queue at once: a slow KMS must not fill it with callers that are gone.
 */
export class Bulkhead {
  readonly #limits: BulkheadLimits;
  readonly #name: string;
  /** Lanes that have places or waiters; of those that wait, the one that was served last stands last. */
  readonly #lanes = new Map<string, Lane>();
  #maxConcurrent: number;
  #maxPerLane = Number.POSITIVE_INFINITY;
  #waiting = 0;
  #taken = 0;

  /** `name` says in messages whose places these are. */
  constructor(name: string, limits: BulkheadLimits) {
    this.#name = name;
    this.#limits = limits;
    this.#maxConcurrent = limits.maxConcurrent;
  }

  get taken(): number {
    return this.#taken;
  }

  /** From now on there are so many places, in all and for one lane. Whoever has one keeps it. */
  resize(maxConcurrent: number, maxPerLane: number): void {
    this.#maxConcurrent = maxConcurrent;
    this.#maxPerLane = maxPerLane;
    this.#serve();
  }

  /**
   * Runs `work` once there is a place.
   * @throws {KeysideError} OVERLOADED where the queue is full; the signal's reason where it aborts while waiting
   */
  async run<T>(work: () => Promise<T>, call: BulkheadCall): Promise<T> {
    await this.#enter(call);
    try {
      return await work();
    } finally {
      this.#leave(call.lane);
    }
  }

  async #enter({ signal, lane: name }: BulkheadCall): Promise<void> {
    if (signal.aborted) throw endOf(signal);
    const lane = this.#lanes.get(name) ?? { taken: 0, waiters: new Set() };
    if (this.#taken < this.#maxConcurrent && lane.taken < this.#maxPerLane) {
      this.#lanes.set(name, lane);
      this.#take(lane);
      return;
    }
    if (this.#waiting >= this.#limits.maxQueued) throw this.#overloaded();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#withdraw(name, resolve);
      reject(endOf(signal));
    };
    this.#lanes.set(name, lane);
    lane.waiters.add(resolve);
    this.#waiting += 1;
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #take(lane: Lane): void {
    lane.taken += 1;
    this.#taken += 1;
  }

  /** The place goes to a waiter directly, so that no newcomer can take it in between. */
  #leave(name: string): void {
    const lane = this.#lanes.get(name) as Lane;
    lane.taken -= 1;
    this.#taken -= 1;
    this.#dropIdle(name, lane);
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting > 0 && this.#taken < this.#maxConcurrent) {
      const next = this.#neediest();
      if (next === undefined) return;
      const [name, lane] = next;
      const [admit] = lane.waiters as Set<() => void>;
      lane.waiters.delete(admit as () => void);
      this.#waiting -= 1;
      this.#take(lane);
      this.#lanes.delete(name);
      this.#lanes.set(name, lane);
      admit?.();
    }
  }

  #neediest(): [string, Lane] | undefined {
    let found: [string, Lane] | undefined;
    for (const entry of this.#lanes) {
      const [, lane] = entry;
      if (lane.waiters.size === 0 || lane.taken >= this.#maxPerLane) continue;
      if (found === undefined || lane.taken < found[1].taken) found = entry;
    }
    return found;
  }

  #withdraw(name: string, waiter: () => void): void {
    const lane = this.#lanes.get(name);
    if (lane?.waiters.delete(waiter) !== true) return;
    this.#waiting -= 1;
    this.#dropIdle(name, lane);
  }

  #dropIdle(name: string, lane: Lane): void {
    if (lane.taken === 0 && lane.waiters.size === 0) this.#lanes.delete(name);
  }

  #overloaded(): KeysideError {
    const { maxQueued } = this.#limits;
    return new KeysideError(
      'OVERLOADED',
      `${this.#name} has ${this.#maxConcurrent} calls to its KMS under way and ${maxQueued} waiting, which is all it may have`,
    );
  }
}
