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
  /** Those who wait are served lane by lane in turn: a tenant with many calls does not keep back one with few. */
  readonly lane: string;
}

/**
 * Places under a cap, handed out to the lanes in turn and within a lane in the order of asking. A waiter whose signal aborts leaves
 * the queue at once: a slow KMS must not fill it with callers that are gone.
 */
export class Bulkhead {
  readonly #limits: BulkheadLimits;
  readonly #name: string;
  /** Waiters by lane; the lane that was served last stands last. */
  readonly #lanes = new Map<string, Set<() => void>>();
  #waiting = 0;
  #taken = 0;

  /** `name` says in messages whose places these are. */
  constructor(name: string, limits: BulkheadLimits) {
    this.#name = name;
    this.#limits = limits;
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
      this.#leave();
    }
  }

  async #enter({ signal, lane }: BulkheadCall): Promise<void> {
    if (signal.aborted) throw endOf(signal);
    if (this.#taken < this.#limits.maxConcurrent) {
      this.#taken += 1;
      return;
    }
    if (this.#waiting >= this.#limits.maxQueued) throw this.#overloaded();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#remove(lane, resolve);
      reject(endOf(signal));
    };
    this.#add(lane, resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The place goes to a waiter directly, so that no newcomer can take it in between. */
  #leave(): void {
    const [first] = this.#lanes;
    if (first === undefined) {
      this.#taken -= 1;
      return;
    }
    const [lane, waiters] = first;
    const [next] = waiters as Set<() => void>;
    this.#remove(lane, next as () => void);
    const rest = this.#lanes.get(lane);
    if (rest !== undefined) {
      this.#lanes.delete(lane);
      this.#lanes.set(lane, rest);
    }
    next?.();
  }

  #add(lane: string, waiter: () => void): void {
    const waiters = this.#lanes.get(lane) ?? new Set();
    this.#lanes.set(lane, waiters.add(waiter));
    this.#waiting += 1;
  }

  #remove(lane: string, waiter: () => void): void {
    const waiters = this.#lanes.get(lane);
    if (waiters?.delete(waiter) !== true) return;
    this.#waiting -= 1;
    if (waiters.size === 0) this.#lanes.delete(lane);
  }

  #overloaded(): KeysideError {
    const { maxConcurrent, maxQueued } = this.#limits;
    return new KeysideError(
      'OVERLOADED',
      `${this.#name} has ${maxConcurrent} calls to its KMS under way and ${maxQueued} waiting, which is all it may have`,
    );
  }
}
