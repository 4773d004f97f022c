import { KeysideError } from '../core/errors.ts';
import type { Timer } from './timer.ts';

interface DeadlineOptions {
  /** The caller's own signal: aborting it ends this deadline at once. */
  readonly parent: AbortSignal;
  readonly limitMs: number;
  readonly timer: Timer;
  /** Said where the time is up, e.g. `key acme-prod: aws did not answer within 3000 ms`. */
  readonly timeoutMessage: string;
}

/** A time limit below the caller's signal: `signal` aborts with a `KeysideError` when either of them ends. */
export class Deadline implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: Timer;
  readonly #endsAtMs: number;
  readonly #letGo: () => void;

  constructor(options: DeadlineOptions) {
    const { parent, limitMs, timer, timeoutMessage } = options;
    const controller = new AbortController();
    const cancel = timer.after(limitMs, () => controller.abort(new KeysideError('KMS_TIMEOUT', timeoutMessage)));
    const onParent = (): void => controller.abort(endOf(parent));
    parent.addEventListener('abort', onParent, { once: true });
    if (parent.aborted) onParent();
    this.signal = controller.signal;
    this.#timer = timer;
    this.#endsAtMs = timer.nowMs() + limitMs;
    this.#letGo = () => {
      cancel();
      parent.removeEventListener('abort', onParent);
    };
  }

  get leftMs(): number {
    return this.#endsAtMs - this.#timer.nowMs();
  }

  /**
   * What `work` yields, or the error that ended the time, at once: a callee that ignores its signal is left behind, and what it
   * yields too late goes to `discard`.
   */
  async race<T>(work: (signal: AbortSignal) => Promise<T>, discard: (late: T) => void): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const working = (async () => work(signal))();
    try {
      return await Promise.race([working, ended]);
    } catch (error) {
      if (signal.aborted) working.then(discard, () => undefined);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Waits; ends with the signal's reason where the time is up before. */
  async pause(ms: number): Promise<void> {
    let cancel = (): void => undefined;
    const waiting = (): Promise<void> =>
      new Promise((resolve) => {
        cancel = this.#timer.after(ms, resolve);
      });
    try {
      await this.race(waiting, () => undefined);
    } finally {
      cancel();
    }
  }

  /** Stops the clock. Nothing started under this deadline is ended by it any more. */
  [Symbol.dispose](): void {
    this.#letGo();
  }
}

/** Why a signal was aborted, as our own error: whoever aborts with another reason cancelled. */
export function endOf(signal: AbortSignal): KeysideError {
  if (signal.reason instanceof KeysideError) return signal.reason;
  return new KeysideError('CANCELLED', 'the call was cancelled', { cause: signal.reason });
}
