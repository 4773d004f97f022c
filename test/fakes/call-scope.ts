import { KeysideError } from '../../src/core/errors.ts';
import type { CallScope } from '../../src/service/service.ts';
import { NO_SPAN } from '../../src/telemetry/telemetry.ts';

/** One call that a test ends when it likes. */
export class FakeCallScope implements CallScope {
  readonly span = NO_SPAN;
  readonly callerId: string;
  readonly purpose: string;
  /** How often work was asked for after the signal: a call that finds everything in memory never asks. */
  signalsMade = 0;
  readonly #abort = new AbortController();

  constructor({ callerId = 'anonymous', purpose = '' }: { readonly callerId?: string; readonly purpose?: string } = {}) {
    this.callerId = callerId;
    this.purpose = purpose;
  }

  get signal(): AbortSignal {
    this.signalsMade += 1;
    return this.#abort.signal;
  }

  assertLive(): void {
    if (this.#abort.signal.aborted) throw this.#abort.signal.reason;
  }

  cancel(): void {
    this.#abort.abort(new KeysideError('CANCELLED', 'the caller cancelled the call'));
  }

  passDeadline(): void {
    this.#abort.abort(new KeysideError('DEADLINE_EXCEEDED', "the call's deadline passed"));
  }
}
