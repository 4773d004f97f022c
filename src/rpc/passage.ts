import type { Buffer } from 'node:buffer';
import { constants } from 'node:http2';
import { Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/telemetry.ts';
import { type Account, type Admission, CALL_BYTES } from './admission.ts';
import { closeStream, replaceDecoder, untakenBytes, whenClosed } from './call-inside.ts';
import type { Caller } from './callers.ts';
import { STREAM_WINDOW_BYTES } from './flow-control.ts';
import { DOCUMENTS, decodedBytes, OPENING } from './item-count.ts';
import { type Arrivals, MessageCollector } from './message-collector.ts';
import type { Decoded } from './messages.ts';
import { NO_PLACE, type Rounds, type Timed } from './rounds.ts';
import { toKeysideError, toServerError } from './status.ts';

/** Messages up to this size are covered by what every call counts for. */
const SMALL_MESSAGE_BYTES = 16 * 1024;
/** Messages up to this size are not looked into: the most that they can hold is covered too. */
const UNCOUNTED_BYTES = 256;
/** The message and its reply. */
const UNARY_COPIES = 2;
/** One message at work, one that waits, one that arrives; replies are as large as what they answer. */
const STREAM_COPIES = 3;

export interface PassageParts {
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** How long a request may take to arrive, and an answer to be taken. */
  readonly receiveTimeoutMs: number;
  readonly maxMessageBytes: number;
}

/** What is given to a call by its headers. */
export interface Entrance {
  readonly caller: Caller;
  readonly account: Account;
}

/** What all calls of one method have in common. */
export interface Way {
  readonly parts: PassageParts;
  readonly rounds: Rounds;
  /** `keyside.v1.CryptoService/Encrypt` */
  readonly method: string;
  /** Whether the caller sends many messages. */
  readonly isStream: boolean;
  /** Whether the time that a request may take to arrive is all that the call has. */
  readonly isBrief: boolean;
  /** @throws {KeysideError} where the call is not taken */
  enter(metadata: Metadata): Entrance;
}

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/**
 * One call's way through the gate: it stands between grpc-js and the handler as the call of the one and the listener of the other,
 * which costs less than grpc-js's own class for that.
 */
export class Passage implements ServerInterceptingCallInterface, Listener, Arrivals, Timed {
  dueRound = Number.POSITIVE_INFINITY;
  place = NO_PLACE;
  readonly #way: Way;
  readonly #call: ServerInterceptingCallInterface;
  readonly #messages: MessageCollector;
  #listener: Listener | undefined;
  #entrance: Entrance | undefined;
  #isInside = false;
  /** Beside what every call counts for. */
  #bytes = 0;
  #largestBytes = 0;
  /** A handler waits for the messages of a stream: it is the one to end the call. */
  #isAtWork = false;
  #hasReceived = false;
  #isAnswered = false;
  #hasHalfClosed = false;
  #hasEnded = false;

  constructor(way: Way, call: ServerInterceptingCallInterface) {
    this.#way = way;
    this.#call = call;
    this.#messages = new MessageCollector(this, way.parts.maxMessageBytes);
  }

  /** Undefined where the call was not let in. */
  get caller(): Caller | undefined {
    return this.#entrance?.caller;
  }

  start(listener: Listener): void {
    this.#listener = listener;
    this.#call.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    if (!this.#tries(() => this.#enter(metadata))) return;
    admit(metadata, this);
    const { isStream, isBrief } = this.#way;
    this.#isAtWork = isStream && !isBrief;
    this.#listener?.onReceiveMetadata(metadata);
  }

  begins(size: number, isCompressed: boolean): boolean {
    return this.#tries(() => {
      if (isCompressed) throw new KeysideError('REQUEST_INVALID', 'compressed messages are not accepted');
      if (size <= SMALL_MESSAGE_BYTES) return;
      if (!this.#way.isStream) this.#take(UNARY_COPIES * size);
      else if (size > this.#largestBytes) this.#take(STREAM_COPIES * (size - this.#largestBytes));
      if (size > this.#largestBytes) this.#largestBytes = size;
    });
  }

  completes(message: Buffer): boolean {
    if (message.length <= UNCOUNTED_BYTES) return true;
    const bytes = decodedBytes(message, this.#way.isStream ? OPENING : DOCUMENTS);
    return bytes <= CALL_BYTES || this.#tries(() => this.#take(bytes));
  }

  onReceiveMessage(message: unknown): void {
    if (this.#hasEnded) return;
    this.#hasReceived = true;
    // How long it is worked on is the deadline's matter.
    if (!this.#isAnswered && !this.#way.isBrief) this.dueRound = Number.POSITIVE_INFINITY;
    this.#listener?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    this.#hasHalfClosed = true;
    if (!this.#hasEnded) this.#listener?.onReceiveHalfClose();
  }

  /**
   * The call has ended: its status was sent, or its stream is closed. Where the caller keeps its side open, it has as long to close it
   * as it had to send the request; a message that was received stays in memory until then, and counts.
   */
  onCancel(): void {
    this.#hasEnded = true;
    this.#messages.end();
    this.#listener?.onCancel();
    const isOpen = !this.#hasHalfClosed && whenClosed(this.#call, () => this.#closed());
    if (isOpen) this.#way.rounds.begin(this);
    if (!isOpen) this.#closed();
    else if (!this.#hasReceived) this.#leave();
  }

  /** Whoever does not take the answer must not keep the place. */
  answered(): void {
    if (!this.#isInside || this.#hasEnded) return;
    this.#isAnswered = true;
    this.#way.rounds.begin(this);
    const more = untakenBytes(this.#call) - Math.max(CALL_BYTES, this.#bytes / UNARY_COPIES);
    if (more <= 0) return;
    try {
      this.#take(more);
    } catch {
      // The answer is made, but there is no room to keep it until it is taken.
      closeStream(this.#call, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }

  onDue(): void {
    const { isBrief, parts } = this.#way;
    if (this.#hasEnded || this.#isAnswered || (isBrief && this.#hasReceived)) closeStream(this.#call, constants.NGHTTP2_CANCEL);
    else this.#refuse(new KeysideError('DEADLINE_EXCEEDED', `the request did not arrive within ${parts.receiveTimeoutMs} ms`));
  }

  sendMetadata(metadata: Metadata): void {
    this.#call.sendMetadata(metadata);
  }

  sendMessage(message: unknown, callback: () => void): void {
    this.#call.sendMessage(message, callback);
  }

  sendStatus(status: Status): void {
    this.#call.sendStatus(status);
  }

  startRead(): void {
    this.#call.startRead();
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  getDeadline(): ReturnType<ServerInterceptingCallInterface['getDeadline']> {
    return this.#call.getDeadline();
  }

  getHost(): string {
    return this.#call.getHost();
  }

  getAuthContext(): ReturnType<ServerInterceptingCallInterface['getAuthContext']> {
    return this.#call.getAuthContext();
  }

  getConnectionInfo(): ReturnType<ServerInterceptingCallInterface['getConnectionInfo']> {
    return this.#call.getConnectionInfo();
  }

  getMetricsRecorder(): ReturnType<ServerInterceptingCallInterface['getMetricsRecorder']> {
    return this.#call.getMetricsRecorder();
  }

  #enter(metadata: Metadata): void {
    const deadline = this.#call.getDeadline();
    if (deadline !== Number.POSITIVE_INFINITY && Number(deadline) <= Date.now()) {
      throw new KeysideError('DEADLINE_EXCEEDED', "the call's deadline passed");
    }
    const { parts, rounds, isStream } = this.#way;
    this.#entrance = this.#way.enter(metadata);
    this.#isInside = true;
    parts.metrics.requestsInFlight(1);
    rounds.begin(this);
    // What a stream's client may send before it is read.
    if (isStream) this.#take(STREAM_WINDOW_BYTES);
    if (!replaceDecoder(this.#call, this.#messages)) this.#take(UNARY_COPIES * parts.maxMessageBytes);
  }

  #closed(): void {
    this.#way.rounds.end(this);
    this.#leave();
  }

  #leave(): void {
    const { parts } = this.#way;
    if (!this.#isInside || this.#entrance === undefined) return;
    this.#isInside = false;
    parts.admission.leave(this.#entrance.account, this.#bytes);
    parts.metrics.requestsInFlight(-1);
  }

  #take(bytes: number): void {
    if (!this.#isInside || this.#entrance === undefined) return;
    this.#way.parts.admission.takeBytes(this.#entrance.account, bytes);
    this.#bytes += bytes;
  }

  /** Whether `work` did not throw; the call is refused where it did, by its handler where that is at work. */
  #tries(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (thrown) {
      const fault = toKeysideError(thrown);
      if (this.#isAtWork) this.onReceiveMessage({ fault } satisfies Decoded<never>);
      else this.#refuse(fault);
      return false;
    }
  }

  #refuse(error: KeysideError): void {
    const { method, parts } = this.#way;
    const { logger, metrics } = parts;
    metrics.requestEnded({ method, outcome: error.reason, tenantId: undefined, durationMs: 0 });
    logger.log('info', 'request', { method, outcome: error.reason, error: error.message });
    this.#call.sendStatus(statusOf(error));
  }
}

type Status = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** The last refusal as it is sent: those for want of room come by the thousand, and are one error. */
let lastRefusal: { readonly error: KeysideError; readonly status: Status } | undefined;

function statusOf(error: KeysideError): Status {
  if (lastRefusal?.error !== error) {
    const { code, details, metadata } = toServerError(error);
    lastRefusal = { error, status: { code: code ?? 2, details: details ?? '', metadata: metadata ?? new Metadata() } };
  }
  return lastRefusal.status;
}

const PASSAGE = Symbol('passage');

/** grpc-js hands the very headers of a call to its handler: no table of all calls is needed to find the call by them. */
interface AdmittedMetadata {
  [PASSAGE]?: Passage;
}

function admit(metadata: Metadata, passage: Passage): void {
  (metadata as unknown as AdmittedMetadata)[PASSAGE] = passage;
}

/** The passage of the call with these headers; undefined where it did not pass the gate. */
export function passageOf(metadata: Metadata): Passage | undefined {
  return (metadata as unknown as AdmittedMetadata)[PASSAGE];
}
