import type { Timer } from '../../src/kms/timer.ts';

interface Alarm {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Time that stands still until `advance`. */
export class FakeTimer implements Timer {
  readonly #alarms = new Set<Alarm>();
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void): () => void {
    const alarm = { atMs: this.#nowMs + Math.max(0, ms), callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Alarms that are set: 0 after every operation, or something leaks. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Lets `ms` pass: rings what is due, in order, and lets what wakes up run on in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settled();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Alarm | undefined {
    const due = [...this.#alarms].filter(({ atMs }) => atMs <= endMs);
    return due.toSorted((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Turns of the event loop that a call through guard and fake takes, with some to spare. */
const TURNS = 5;

/** Whatever can run without time passing has run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
