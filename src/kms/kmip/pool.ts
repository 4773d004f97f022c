import { Bulkhead, type BulkheadCall } from '../bulkhead.ts';
import type { KmipConnection } from './connection.ts';
import type { KmipCredential } from './messages.ts';

/** A connection is replaced after so long: new certificates, and a client that the server has struck off, then take effect. */
const MAX_AGE_MS = 10 * 60_000;

interface PoolTools {
  open(signal: AbortSignal): Promise<KmipConnection>;
  /** Milliseconds from an arbitrary start. */
  readonly nowMs: () => number;
}

interface Pooled {
  readonly connection: KmipConnection;
  readonly openedMs: number;
}

/** On whose behalf a server is asked: the lane is the key's id, so that of keys that share connections none keeps back another. */
export type KmipCall = BulkheadCall;

/**
 * A few connections to one server. Each carries one request at a time, and who finds all of them in use waits: how many may wait is
 * for the guard of each key to say.
 */
export class KmipPool {
  readonly #tools: PoolTools;
  readonly #places: Bulkhead;
  readonly #idle: Pooled[] = [];
  #isClosed = false;

  /** `connections` is the most there are at once. */
  constructor(connections: number, tools: PoolTools) {
    this.#tools = tools;
    this.#places = new Bulkhead('a KMIP server', { maxConcurrent: connections, maxQueued: Number.POSITIVE_INFINITY });
  }

  /** As `KmipConnection.exchange`, on whichever connection is free; opens one where none is. */
  async exchange(encode: (credential: KmipCredential | undefined) => Uint8Array, call: KmipCall): Promise<Uint8Array> {
    return this.#places.run(async () => {
      const pooled = this.#take() ?? (await this.#open(call.signal));
      try {
        return await pooled.connection.exchange(encode(pooled.connection.credential), call.signal);
      } finally {
        this.#give(pooled);
      }
    }, call);
  }

  /** Closes what is idle now and the rest with the end of their exchanges. */
  close(): void {
    this.#isClosed = true;
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  /** The one used last: the others grow idle and end. */
  #take(): Pooled | undefined {
    for (let pooled = this.#idle.pop(); pooled !== undefined; pooled = this.#idle.pop()) {
      if (this.#isFit(pooled)) return pooled;
      pooled.connection.close();
    }
    return undefined;
  }

  async #open(signal: AbortSignal): Promise<Pooled> {
    const openedMs = this.#tools.nowMs();
    return { connection: await this.#tools.open(signal), openedMs };
  }

  #give(pooled: Pooled): void {
    if (!this.#isClosed && this.#isFit(pooled)) this.#idle.push(pooled);
    else pooled.connection.close();
  }

  #isFit({ connection, openedMs }: Pooled): boolean {
    return connection.isOpen && this.#tools.nowMs() - openedMs < MAX_AGE_MS;
  }
}
