import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 12 * 1024;

/**
 * Random bytes in small portions: one call to the system's generator for many nonces. Every byte is handed out once and zeroed in
 * the pool as it goes. One pool a process; restoring a snapshot of a running process would repeat it and is unsupported.
 */
export class RandomPool {
  readonly #pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  #next = POOL_BYTES;

  /** Overwrites all of `out`. */
  fill(out: Uint8Array): void {
    if (out.length > POOL_BYTES / 4) {
      randomFillSync(out);
      return;
    }
    if (this.#next + out.length > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const end = this.#next + out.length;
    out.set(this.#pool.subarray(this.#next, end));
    this.#pool.fill(0, this.#next, end);
    this.#next = end;
  }
}
