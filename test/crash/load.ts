import { setTimeout as pause } from 'node:timers/promises';
import { TENANTS } from './audited-daemon.ts';
import { Connection } from './connection.ts';
import type { Ledger } from './ledger.ts';
import { MixedCalls, type Stored } from './mixed-calls.ts';
import { type Random, seededRandom } from './random.ts';

const CONNECTIONS = 3;
const AT_ONCE_PER_CONNECTION = 5;
const PAUSE_AFTER_REFUSAL_MS = 20;

export interface LoadParts {
  readonly address: string;
  readonly ledger: Ledger;
  readonly stored: Stored;
  readonly random: Random;
  /** Begins the ids of all requests: another one for each load. */
  readonly name: string;
}

/** Several connections, on each of which several calls are under way at any time. */
export class Load {
  readonly #ledger: Ledger;
  readonly #connections: readonly Connection[];
  readonly #working: Promise<unknown>;
  #isWanted = true;

  constructor({ address, ledger, stored, random, name }: LoadParts) {
    this.#ledger = ledger;
    this.#connections = Array.from({ length: CONNECTIONS }, () => new Connection(address));
    const workers = this.#connections.flatMap((connection, at) =>
      Array.from({ length: AT_ONCE_PER_CONNECTION }, (_, number) => {
        const own = seededRandom(Math.floor(random() * 2 ** 32));
        const parts = { connection, ledger, stored, random: own, tenants: TENANTS, prefix: `${name}-${at}.${number}` };
        return this.#work(new MixedCalls(parts));
      }),
    );
    this.#working = Promise.all(workers);
    this.#working.catch(() => undefined); // whoever ends the load sees it
  }

  /** Resolves when something was answered. */
  async isAnswered(): Promise<void> {
    while (this.#ledger.acknowledged.size === 0) await pause(5);
  }

  /** Waits for the calls that are under way. */
  async end(): Promise<void> {
    this.#isWanted = false;
    await this.#working;
    for (const connection of this.#connections) connection.close();
  }

  async #work(calls: MixedCalls): Promise<void> {
    while (this.#isWanted) {
      const refused = this.#ledger.refusals.length;
      await calls.next();
      if (this.#ledger.refusals.length > refused) await pause(PAUSE_AFTER_REFUSAL_MS);
    }
  }
}
