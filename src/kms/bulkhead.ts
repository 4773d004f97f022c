import { KeysideError } from '../core/errors.ts';
import { endOf } from './deadline.ts';

export interface BulkheadLimits {
  /** Calls under way at once. */
  readonly maxConcurrent: number;
  /** Calls that wait for a place; beyond, they are refused. */
  readonly maxQueued: number;
}

/**
 * Places under a cap, handed out in the order of asking. A waiter whose signal aborts leaves the queue at once: a slow KMS must not
 * fill it with callers that are gone.
 */
export class Bulkhead {
  readonly #limits: BulkheadLimits;
  readonly #name: string;
  readonly #waiters = new Set<() => void>();
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
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw endOf(signal);
    if (this.#taken < this.#limits.maxConcurrent) {
      this.#taken += 1;
      return;
    }
    if (this.#waiters.size >= this.#limits.maxQueued) throw this.#overloaded();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#waiters.delete(resolve);
      reject(endOf(signal));
    };
    this.#waiters.add(resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The place goes to the first waiter directly, so that no newcomer can take it in between. */
  #leave(): void {
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    this.#waiters.delete(next);
    next();
  }

  #overloaded(): KeysideError {
    const { maxConcurrent, maxQueued } = this.#limits;
    return new KeysideError(
      'OVERLOADED',
      `${this.#name} has ${maxConcurrent} calls to its KMS under way and ${maxQueued} waiting, which is all it may have`,
    );
  }
}
