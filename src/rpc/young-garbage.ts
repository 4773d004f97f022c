import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Less than what the caches of a processor hold, and few enough collections that they cost less than they save. */
const EVERY_BYTES = 2 * 1024 * 1024;

/**
 * Collects what streams leave behind. Every message lies in buffers outside of JavaScript's heap; V8 counts them toward the limit of
 * the old generation only, where freeing them takes a mark of the whole heap for every few megabytes. They die young: a collection of
 * the young generation alone, in time, finds the same in less than a millisecond, and the same memory is used again and again.
 */
export class YoungGarbage {
  readonly #collect: () => void;
  #bytes = 0;

  /** @param collect collects the young generation, at once */
  constructor(collect = youngCollection()) {
    this.#collect = collect;
  }

  /** A message of so many bytes was worked off. */
  left(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < EVERY_BYTES) return;
    this.#bytes = 0;
    this.#collect();
  }
}

/** V8's own, which it gives to contexts made while the flag is set: to this one alone. */
function youngCollection(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') return () => undefined;
  return () => collect({ type: 'minor', execution: 'sync' });
}
