import { Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/telemetry.ts';
import type { Admission } from './admission.ts';
import type { Caller, Callers } from './callers.ts';
import { hangUp } from './hang-up.ts';
import { toKeysideError, toServerError } from './status.ts';

const OWN_SERVICES = '/keyside.v1.';

export interface GateParts {
  readonly admission: Admission;
  readonly callers: Callers;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** How long a request may take to arrive, and an answer to be taken. */
  readonly receiveTimeoutMs: number;
}

/**
 * What stands before every call of our own services, and judges it by its headers: whether the daemon takes calls, and who asks. Not a
 * byte of the request is read before that, so that a stranger can make the daemon neither buffer nor decode anything. The place that a
 * call takes is free again when its stream is closed: the answer was taken, or nobody wants it.
 */
export class Gate {
  readonly #parts: GateParts;
  readonly #admitted = new WeakMap<Metadata, { readonly caller: Caller; readonly passage: Passage }>();

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /**
   * Who makes the call with these headers.
   * Precondition: the call passed the gate.
   */
  callerOf(metadata: Metadata): Caller {
    const admitted = this.#admitted.get(metadata);
    if (admitted === undefined) throw new Error('a call reached its handler without passing the gate');
    return admitted.caller;
  }

  /**
   * Who makes the call by the tokens that are valid now.
   * @throws {KeysideError} CALLER_UNAUTHENTICATED
   */
  reauthenticate(metadata: Metadata): Caller {
    return this.#parts.callers.authenticate(authorizationOf(metadata));
  }

  /** The call with these headers was answered: its caller has as long to take the answer as it had to send the request. */
  answered(metadata: Metadata): void {
    this.#admitted.get(metadata)?.passage.answered();
  }

  readonly interceptor: ServerInterceptor = (method, call) => {
    if (!method.path.startsWith(OWN_SERVICES)) return new ServerInterceptingCall(call);
    const passage = new Passage(this.#parts, method.path.slice(1), {
      refuse: (error) => call.sendStatus(statusOf(error)),
      hangUp: () => hangUp(call),
    });
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const caller = passage.open(metadata);
            if (caller === undefined) return;
            this.#admitted.set(metadata, { caller, passage });
            pass(metadata);
          },
          onReceiveMessage: (message, pass) => {
            passage.received();
            pass(message);
          },
          onReceiveHalfClose: (pass) => pass(),
          onCancel: () => passage.close(),
        }),
    });
  };
}

interface WaysOut {
  readonly refuse: (error: KeysideError) => void;
  /** Ends the stream at once, answered or not. */
  readonly hangUp: () => void;
}

/** One call's way through the gate. */
class Passage {
  readonly #parts: GateParts;
  readonly #method: string;
  readonly #ways: WaysOut;
  #isOpen = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: GateParts, method: string, ways: WaysOut) {
    this.#parts = parts;
    this.#method = method;
    this.#ways = ways;
  }

  /** The caller, or undefined where the call was refused. */
  open(metadata: Metadata): Caller | undefined {
    const { admission, callers, metrics, receiveTimeoutMs } = this.#parts;
    try {
      admission.assertOpen();
      const caller = callers.authenticate(authorizationOf(metadata));
      admission.enter();
      metrics.requestsInFlight(1);
      this.#isOpen = true;
      this.#timer = setTimeout(() => this.#late(), receiveTimeoutMs).unref();
      return caller;
    } catch (error) {
      this.#end(toKeysideError(error));
      return undefined;
    }
  }

  received(): void {
    clearTimeout(this.#timer);
  }

  /** Whoever does not take the answer must not keep the place. */
  answered(): void {
    clearTimeout(this.#timer);
    if (this.#isOpen) this.#timer = setTimeout(() => this.#ways.hangUp(), this.#parts.receiveTimeoutMs).unref();
  }

  /** The stream is closed, however it ended. */
  close(): void {
    clearTimeout(this.#timer);
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#parts.admission.leave();
    this.#parts.metrics.requestsInFlight(-1);
  }

  #late(): void {
    this.#end(new KeysideError('DEADLINE_EXCEEDED', `the request did not arrive within ${this.#parts.receiveTimeoutMs} ms`));
  }

  #end(error: KeysideError): void {
    const { logger, metrics } = this.#parts;
    const method = this.#method;
    metrics.requestEnded({ method, outcome: error.reason, tenantId: undefined, durationMs: 0 });
    logger.log('info', 'request', { method, outcome: error.reason, error: error.message });
    this.#ways.refuse(error);
  }
}

function authorizationOf(metadata: Metadata): string | undefined {
  const authorization = metadata.get('authorization')[0];
  return typeof authorization === 'string' ? authorization : undefined;
}

function statusOf(error: KeysideError): { code: number; details: string; metadata: Metadata } {
  const { code, details, metadata } = toServerError(error);
  return { code: code ?? 2, details: details ?? '', metadata: metadata ?? new Metadata() };
}
