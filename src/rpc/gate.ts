import type { Metadata, ServerInterceptingCall, ServerInterceptor } from '@grpc/grpc-js';
import { NO_TELEMETRY } from '../telemetry/telemetry.ts';
import { Admission } from './admission.ts';
import { ANONYMOUS, type Caller, type Callers } from './callers.ts';
import { Passage, type PassageParts, passageOf, type Way } from './passage.ts';
import { Rounds } from './rounds.ts';

const OWN_SERVICES = '/keyside.v1.';
/** Calls of health and reflection at a time, and the largest message that they take. */
const MAX_OTHER_CALLS = 256;
const MAX_OTHER_MESSAGE_BYTES = 16 * 1024;

export interface GateParts extends PassageParts {
  readonly callers: Callers;
}

/**
 * What stands before every call and judges it by its headers: whether the daemon takes calls, and who asks. Not a byte of the request
 * is read before that, so that a stranger can make the daemon neither buffer nor decode anything. The place that a call takes, and the
 * memory that it counts for, are free again when it has ended: the answer was taken, or nobody wants it. Health and reflection are for
 * everybody, and bounded apart: neither takes the other's places.
 */
export class Gate {
  readonly #parts: GateParts;
  readonly #otherParts: PassageParts;
  readonly #rounds: Rounds;
  readonly #ways = new Map<string, Way>();

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#rounds = new Rounds(parts.receiveTimeoutMs);
    const limits = {
      maxConcurrentCalls: MAX_OTHER_CALLS,
      maxConcurrentCallsPerTenant: MAX_OTHER_CALLS,
      maxConcurrentCallsPerCaller: MAX_OTHER_CALLS,
      maxBytesInFlight: Number.MAX_SAFE_INTEGER,
      maxBytesInFlightPerCaller: Number.MAX_SAFE_INTEGER,
    };
    this.#otherParts = {
      ...parts,
      admission: new Admission(limits),
      metrics: NO_TELEMETRY.metrics,
      maxMessageBytes: MAX_OTHER_MESSAGE_BYTES,
    };
  }

  /**
   * Who makes the call with these headers.
   * Precondition: the call passed the gate.
   */
  callerOf(metadata: Metadata): Caller {
    const caller = passageOf(metadata)?.caller;
    if (caller === undefined) throw new Error('a call reached its handler without passing the gate');
    return caller;
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
    passageOf(metadata)?.answered();
  }

  readonly interceptor: ServerInterceptor = (method, call) => {
    let way = this.#ways.get(method.path);
    if (way === undefined) {
      way = this.#wayOf(method);
      this.#ways.set(method.path, way);
    }
    // grpc-js's type names its class, of which it uses this interface only.
    return new Passage(way, call) as unknown as ServerInterceptingCall;
  };

  #wayOf({ path, requestStream, responseStream }: Parameters<ServerInterceptor>[0]): Way {
    const common = { rounds: this.#rounds, method: path.slice(1), isStream: requestStream };
    if (path.startsWith(OWN_SERVICES)) {
      return { ...common, parts: this.#parts, isBrief: false, enter: (metadata) => this.#enter(metadata) };
    }
    const parts = this.#otherParts;
    // Who watches stays; the watches have a limit of their own.
    const isBrief = requestStream || !responseStream;
    return { ...common, parts, isBrief, enter: () => enterAs(parts.admission, ANONYMOUS) };
  }

  #enter(metadata: Metadata): ReturnType<Way['enter']> {
    const { admission, callers } = this.#parts;
    admission.assertOpen();
    return enterAs(admission, callers.authenticate(authorizationOf(metadata)));
  }
}

function enterAs(admission: Admission, caller: Caller): ReturnType<Way['enter']> {
  const account = admission.accountOf(caller.id, caller !== ANONYMOUS);
  admission.enter(account);
  return { caller, account };
}

function authorizationOf(metadata: Metadata): string | undefined {
  const authorization = metadata.get('authorization')[0];
  return typeof authorization === 'string' ? authorization : undefined;
}
