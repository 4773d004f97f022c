import { KeysideError } from '../core/errors.ts';

/** Which calls are taken: none while draining, and no more at a time than configured. */
export class Admission {
  readonly #maxCalls: number;
  #calls = 0;
  #isDraining = false;
  #onIdle: (() => void) | undefined;

  constructor(maxCalls: number) {
    this.#maxCalls = maxCalls;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get calls(): number {
    return this.#calls;
  }

  /**
   * Takes one call in; `leave` ends it.
   * @throws {KeysideError} DRAINING, OVERLOADED
   */
  enter(): void {
    if (this.#isDraining) throw new KeysideError('DRAINING', 'the daemon is shutting down');
    if (this.#calls >= this.#maxCalls) {
      throw new KeysideError('OVERLOADED', `${this.#calls} calls are in flight, the limit is ${this.#maxCalls}`, {
        details: { limitCalls: this.#maxCalls },
      });
    }
    this.#calls += 1;
  }

  leave(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#onIdle?.();
  }

  /** Refuses new calls from now on; resolves when the last running one has left. */
  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#calls === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
