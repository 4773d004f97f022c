import type { ServerUnaryCall } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import type { CallScope } from '../service/service.ts';
import type { Span } from '../telemetry/telemetry.ts';

/** Longer timers ring at once. A deadline further away is that of a stream, which looks at the clock with every message. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What of a grpc-js call decides when the call ends. */
export interface EndingCall extends Pick<ServerUnaryCall<unknown, unknown>, 'cancelled' | 'getDeadline'> {
  once(event: 'cancelled', listener: () => void): unknown;
  removeListener(event: 'cancelled', listener: () => void): unknown;
}

/**
 * One RPC as the use cases see it. Its signal is made only when somebody waits for something: a call that finds everything in
 * memory never pays for one.
 */
export class RpcScope implements CallScope {
  readonly span: Span;
  callerId = 'anonymous';
  purpose = '';
  readonly #call: EndingCall;
  readonly #deadlineMs: number;
  #abort: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #cancel: (() => void) | undefined;

  /** @param defaultDeadlineMs how long a call may take that states no deadline of its own; Infinity: as long as it likes */
  constructor(call: EndingCall, span: Span, defaultDeadlineMs: number) {
    this.#call = call;
    this.span = span;
    const deadlineMs = Number(call.getDeadline());
    this.#deadlineMs = Number.isFinite(deadlineMs) ? deadlineMs : Date.now() + defaultDeadlineMs;
  }

  /** Aborts when the caller cancels or the deadline passes; its reason is the KeysideError to end in. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      const endError = this.#endError();
      if (endError !== undefined) {
        this.#abort.abort(endError);
      } else {
        this.#cancel = () => this.#end(this.#endError() ?? cancelled());
        this.#call.once('cancelled', this.#cancel);
        const leftMs = this.#deadlineMs - Date.now();
        // A timer may ring a moment before the clock says so: it is the deadline all the same.
        if (leftMs <= MAX_TIMER_MS) this.#timer = setTimeout(() => this.#end(deadlinePassed()), leftMs);
      }
    }
    return this.#abort.signal;
  }

  assertLive(): void {
    const endError = this.#endError();
    if (endError !== undefined) throw endError;
  }

  /** Lets go of timer and listener; the signal then never aborts any more. */
  close(): void {
    if (this.#cancel === undefined) return;
    clearTimeout(this.#timer);
    this.#call.removeListener('cancelled', this.#cancel);
    this.#cancel = undefined;
  }

  #end(error: KeysideError): void {
    this.close();
    this.#abort?.abort(error);
  }

  #endError(): KeysideError | undefined {
    if (Date.now() >= this.#deadlineMs) return deadlinePassed();
    return this.#call.cancelled ? cancelled() : undefined;
  }
}

function deadlinePassed(): KeysideError {
  return new KeysideError('DEADLINE_EXCEEDED', "the call's deadline passed");
}

function cancelled(): KeysideError {
  return new KeysideError('CANCELLED', 'the caller cancelled the call');
}
