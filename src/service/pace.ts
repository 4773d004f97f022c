import { setImmediate } from 'node:timers/promises';
import type { CallScope } from './service.ts';

/** Work after which other calls get their turn, in bytes. */
const TURN_BYTES = 256 * 1024;
/** What one document or field costs beside its bytes, reckoned in bytes: about 25 small documents make a turn. */
const OVERHEAD_BYTES = 10 * 1024;

/** Keeps one call's work in pieces: a large document or batch never holds the daemon for long. */
export class Pace {
  readonly #scope: CallScope;
  #sinceTurn = 0;

  constructor(scope: CallScope) {
    this.#scope = scope;
  }

  /** Counts work; true when it is time to `rest`. */
  isDue(bytes: number, documents = 0): boolean {
    this.#sinceTurn += bytes + documents * OVERHEAD_BYTES;
    return this.#sinceTurn >= TURN_BYTES;
  }

  /**
   * Lets others work, then goes on.
   * @throws {KeysideError} DEADLINE_EXCEEDED or CANCELLED where the call ended meanwhile
   */
  async rest(): Promise<void> {
    this.#sinceTurn = 0;
    await setImmediate();
    this.#scope.assertLive();
  }
}
