import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { percentile } from './percentile.ts';

/** Load these tenants from now on, and hand over what was seen so far. */
export interface LoadOrder {
  readonly tenantIds: readonly string[];
}

export interface LoadSeen {
  readonly tookMs: number;
  /** Of the calls that succeeded. */
  readonly durationsMs: readonly number[];
  readonly failures: readonly string[];
}

/** What the undisturbed tenants had in a span of time. */
export interface OthersSeen {
  readonly callsPerSecond: number;
  readonly p99Ms: number;
}

/** The tenants that nothing happens to, whose calls go on all the time. */
export class Others {
  /** Every call that failed since the start. */
  readonly failures: string[] = [];
  calls = 0;
  readonly #child: ChildProcess;
  readonly #died: Promise<never>;
  #tenantIds: readonly string[] = [];

  constructor(address: string) {
    this.#child = fork(join(import.meta.dirname, 'others-process.ts'), [address], { serialization: 'advanced' });
    this.#died = once(this.#child, 'exit').then(([code]) => Promise.reject(new Error(`the load generator ended with ${code}`)));
    this.#died.catch(() => undefined);
  }

  async load(tenantIds: readonly string[]): Promise<void> {
    this.#tenantIds = tenantIds;
    await this.#order();
  }

  /** What they have while `span` runs. */
  async during(span: () => Promise<unknown>): Promise<OthersSeen> {
    await this.#order();
    await span();
    const { durationsMs, tookMs } = await this.#order();
    return { callsPerSecond: (durationsMs.length * 1_000) / tookMs, p99Ms: percentile(durationsMs, 0.99) };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    await this.load([]);
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  async #order(): Promise<LoadSeen> {
    const answered = once(this.#child, 'message') as Promise<[LoadSeen]>;
    this.#child.send({ tenantIds: this.#tenantIds } satisfies LoadOrder);
    const [seen] = await Promise.race([answered, this.#died]);
    for (const failure of seen.failures) this.failures.push(failure);
    this.calls += seen.durationsMs.length + seen.failures.length;
    return seen;
  }
}
