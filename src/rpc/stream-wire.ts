import { setImmediate } from 'node:timers/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import type { RpcScope } from './call-scope.ts';
import { type Decoded, roomForBytes } from './messages.ts';
import { boundReadAhead } from './read-ahead.ts';

/** Both directions of one stream, each at the pace of the other side: nothing is read ahead of what was worked off. */
export interface Wire<Request, Response> {
  /**
   * The next message; undefined where the caller has ended its side.
   * @throws {KeysideError} REQUEST_INVALID; CANCELLED or DEADLINE_EXCEEDED where the call ended or the caller fell silent
   */
  next(): Promise<Request | undefined>;
  /**
   * So many bytes, at most a little less than 512 KiB, to be written and given to `send` as its response's `chunk` in the same turn of
   * the event loop: they are sent from where they lie, and zeroed.
   */
  room(size: number): Uint8Array;
  /** Sends, and waits until it is written. */
  send(response: Response): Promise<void>;
}

interface WireParts<Request, Response> {
  readonly call: ServerDuplexStream<Decoded<Request>, Response>;
  readonly scope: RpcScope;
  /** How long the caller may send nothing, or take nothing, in milliseconds. */
  readonly maxSilenceMs: number;
  /** How long the stream may last, however busy it is, in milliseconds. */
  readonly maxAgeMs: number;
  /** Whether a message brings anything. Those that do not leave the silence as long as it was. */
  readonly bringsSomething: (request: Request) => boolean;
}

/** Whom an event of the call wakes. There is one at most: a handler reads or writes. */
interface Waiter extends PromiseWithResolvers<void> {
  /** What the caller fails to do, in words. */
  readonly silence: string;
}

const EVENTS = ['readable', 'end', 'close'] as const;

/**
 * The wire over grpc-js. It listens and keeps two timers as long as the stream lasts: promises, listeners and timers of each message's
 * own would cost more than sealing it.
 */
export class StreamWire<Request, Response> implements Wire<Request, Response>, Disposable {
  readonly #call: ServerDuplexStream<Decoded<Request>, Response>;
  readonly #scope: RpcScope;
  readonly #maxSilenceMs: number;
  readonly #bringsSomething: (request: Request) => boolean;
  readonly #silenceTimer: NodeJS.Timeout;
  readonly #ageTimer: NodeJS.Timeout;
  #waiter: Waiter | undefined;
  /** Something came or was taken since the silence was last measured. */
  #hasMoved = false;
  #isSilent = false;
  /** Why nothing goes on, where it is for the stream's age. */
  #tooOld: KeysideError | undefined;
  readonly #wake = (): void => this.#release()?.resolve();
  readonly #abort = (): void => this.#release()?.reject(this.#scope.signal.reason);

  constructor({ call, scope, maxSilenceMs, maxAgeMs, bringsSomething }: WireParts<Request, Response>) {
    this.#call = call;
    this.#scope = scope;
    this.#maxSilenceMs = maxSilenceMs;
    this.#bringsSomething = bringsSomething;
    this.#silenceTimer = setTimeout(() => this.#fallSilent(), maxSilenceMs);
    this.#ageTimer = setTimeout(() => this.#growTooOld(maxAgeMs), maxAgeMs);
    boundReadAhead(call);
    for (const event of EVENTS) call.on(event, this.#wake);
    scope.signal.addEventListener('abort', this.#abort);
  }

  async next(): Promise<Request | undefined> {
    for (;;) {
      this.#assertLive();
      const arrived: Decoded<Request> | null = this.#call.read();
      if (arrived !== null) return this.#taken(arrived);
      if (this.#call.readableEnded) break;
      if (this.#call.destroyed) throw new KeysideError('CANCELLED', 'the stream was torn down');
      await this.#change('the caller sent nothing');
    }
    // A torn connection ends what is read before it is known to be torn: the end of an object must not be taken from it.
    await setImmediate();
    this.#assertLive();
    return undefined;
  }

  room(size: number): Uint8Array {
    return roomForBytes(size);
  }

  async send(response: Response): Promise<void> {
    this.#assertLive();
    // One at a time, whatever its high-water mark is: what has room of its own must be written at once.
    this.#call.write(response, this.#wake);
    this.#hasMoved = true;
    while (this.#call.writableLength > 0) {
      this.#assertLive();
      if (this.#call.destroyed) throw new KeysideError('CANCELLED', 'the stream was torn down');
      await this.#change('the caller took nothing');
    }
    this.#hasMoved = true;
  }

  /** Lets go of timers and listeners. */
  [Symbol.dispose](): void {
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#ageTimer);
    for (const event of EVENTS) this.#call.removeListener(event, this.#wake);
    this.#scope.signal.removeEventListener('abort', this.#abort);
  }

  #taken(decoded: Decoded<Request>): Request {
    if ('fault' in decoded) throw decoded.fault;
    if (this.#bringsSomething(decoded.message)) this.#hasMoved = true;
    return decoded.message;
  }

  /** Waits for the next event of the call, whatever it is. Precondition: nobody waits. */
  #change(silence: string): Promise<void> {
    if (this.#hasMoved) {
      this.#silenceTimer.refresh();
      this.#hasMoved = false;
      this.#isSilent = false;
    }
    const waiter = { ...Promise.withResolvers<void>(), silence };
    this.#waiter = waiter;
    if (this.#isSilent) this.#fallSilent();
    return waiter.promise;
  }

  /** While nobody waits for the caller, it is not the caller who is slow. */
  #fallSilent(): void {
    this.#isSilent = true;
    const waiter = this.#release();
    waiter?.reject(new KeysideError('DEADLINE_EXCEEDED', `${waiter.silence} for ${this.#maxSilenceMs} ms`));
  }

  #growTooOld(maxAgeMs: number): void {
    this.#tooOld = new KeysideError('DEADLINE_EXCEEDED', `a stream may last for ${maxAgeMs} ms: limits.maxStreamAge`);
    this.#release()?.reject(this.#tooOld);
  }

  #assertLive(): void {
    if (this.#tooOld !== undefined) throw this.#tooOld;
    this.#scope.signal.throwIfAborted();
    this.#scope.assertLive();
  }

  #release(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    return waiter;
  }
}
