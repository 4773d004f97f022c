/** What a flight hands to each of its waiters. */
export interface Shared<V, R> {
  /** Makes one waiter's own result; called synchronously when the work has ended. */
  take(value: V): R;
  /** Called once, after the last waiter took its result, or at once where nobody waits any more. */
  release(value: V): void;
}

interface Flight<V> {
  readonly work: Promise<V>;
  readonly abort: AbortController;
  waiters: number;
  /** What the work yielded, until it is released. */
  landed: { readonly value: V } | undefined;
}

/**
 * One piece of work in the air for each key: who asks meanwhile waits for it. Each waiter leaves when its own signal aborts; the
 * work is aborted when the last one has left. Failures reach every waiter; nothing is remembered after the work has ended.
 */
export class SingleFlight<V, R> {
  readonly #flights = new Map<string, Flight<V>>();
  readonly #shared: Shared<V, R>;

  constructor(shared: Shared<V, R>) {
    this.#shared = shared;
  }

  isFlying(key: string): boolean {
    return this.#flights.has(key);
  }

  /** @throws the work's error, or the reason of `signal` */
  run(key: string, work: (signal: AbortSignal) => Promise<V>, signal: AbortSignal): Promise<R> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return this.#join(key, this.#flights.get(key) ?? this.#start(key, work), signal);
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const abort = new AbortController();
    const flight: Flight<V> = { work: work(abort.signal), abort, waiters: 0, landed: undefined };
    this.#flights.set(key, flight);
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.work.then(
      (value) => {
        land();
        flight.landed = { value };
        this.#releaseWhenLeft(flight);
      },
      // Every waiter is told by its own handler; here it only keeps a flight that everybody left from going unhandled.
      land,
    );
    return flight;
  }

  #join(key: string, flight: Flight<V>, signal: AbortSignal): Promise<R> {
    flight.waiters += 1;
    return new Promise<R>((resolve, reject) => {
      let waits = true;
      const leave = (): void => {
        waits = false;
        flight.waiters -= 1;
        if (flight.waiters === 0) {
          if (this.#flights.get(key) === flight) this.#flights.delete(key);
          flight.abort.abort(signal.reason);
          this.#releaseWhenLeft(flight);
        }
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      const settle = (outcome: () => void): void => {
        if (!waits) return;
        signal.removeEventListener('abort', leave);
        flight.waiters -= 1;
        outcome();
      };
      flight.work.then(
        (value) =>
          settle(() => {
            resolve(this.#shared.take(value));
            this.#releaseWhenLeft(flight);
          }),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  /** A waiter may also leave after the landing, before its turn to take: whoever is last releases. */
  #releaseWhenLeft(flight: Flight<V>): void {
    if (flight.waiters > 0 || flight.landed === undefined) return;
    const { value } = flight.landed;
    flight.landed = undefined;
    this.#shared.release(value);
  }
}
