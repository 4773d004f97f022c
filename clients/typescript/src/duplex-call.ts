import { type ClientDuplexStream, status as Code, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { cancelled, lateAnswer, unexpectedAnswer } from './error-types.ts';
import type { KeysideError } from './errors.ts';
import { later } from './patience.ts';
import { failureOf } from './status.ts';

export interface DuplexOptions {
  readonly address: string;
  /** Longest wait for the daemon while it is its turn, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * One call with messages both ways, each at the other side's pace. One `send` and one `receive` may be under way at a time.
 * What grpc-js reads ahead is 16 messages; of what is sent, the message that waits is held, and what a socket takes.
 */
export class DuplexCall<Request, Response> {
  readonly #call: ClientDuplexStream<Request, Response>;
  readonly #options: DuplexOptions;
  readonly #messages: AsyncIterator<Response>;
  readonly #outcome = Promise.withResolvers<void>();
  #hasEnded = false;
  #isSent = false;
  #isReceiving = false;
  #isOwed = false;
  /** Ends the waiting of the `send` under way. */
  #release: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: ClientDuplexStream<Request, Response>, options: DuplexOptions) {
    this.#call = call;
    this.#options = options;
    this.#outcome.promise.catch(() => undefined); // told to whoever receives; nobody may
    call.on('error', (error: ServiceError) => {
      if (!this.#hasEnded) this.#end(failureOf(error, options.address));
    });
    call.on('status', ({ code }: StatusObject) => {
      if (code === Code.OK) this.#end(undefined);
    });
    this.#messages = call[Symbol.asyncIterator]();
    options.signal?.addEventListener('abort', this.cancel);
    if (options.signal?.aborted) this.cancel();
  }

  /** Hands a message over, and waits until there is room for the next. @throws {KeysideError} where the call has failed */
  async send(message: Request): Promise<void> {
    if (!this.#hasEnded) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#release = resolve;
      this.#call.write(message, () => resolve());
      this.#watch();
      await promise;
      this.#release = undefined;
      this.#watch();
    }
    if (!this.#hasEnded) return;
    await this.#outcome.promise;
    throw unexpectedAnswer('the daemon ended the call before everything was sent');
  }

  /** Says that nothing more is sent. */
  endSending(): void {
    this.#isSent = true;
    if (!this.#hasEnded) this.#call.end();
    this.#watch();
  }

  /**
   * The next message; undefined where the call has ended with OK.
   * @param isOwed the daemon's turn has come, though this side has not said everything
   * @throws {KeysideError} why the call has failed
   */
  async receive(isOwed = false): Promise<Response | undefined> {
    this.#isReceiving = true;
    this.#isOwed = isOwed;
    this.#watch();
    try {
      // A stream that breaks says so here too; why is in the outcome.
      const next = await this.#messages.next().catch(() => undefined);
      if (next !== undefined && next.done !== true) return next.value;
      await this.#outcome.promise;
      return undefined;
    } finally {
      this.#isReceiving = false;
      this.#watch();
    }
  }

  /** Tears the call down, unless it has ended. */
  readonly cancel = (): void => this.#giveUp(cancelled());

  /** The time runs while somebody waits for the daemon, and the daemon for nobody. */
  #watch(): void {
    clearTimeout(this.#timer);
    const isDaemonsTurn = this.#isOwed || this.#isSent || this.#release !== undefined;
    if (this.#hasEnded || !this.#isReceiving || !isDaemonsTurn) return;
    this.#timer = later(() => this.#giveUp(lateAnswer(this.#options.address)), this.#options.timeoutMs);
  }

  #giveUp(failure: KeysideError): void {
    if (this.#hasEnded) return;
    this.#end(failure);
    this.#call.cancel();
  }

  #end(failure: KeysideError | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.cancel);
    if (failure === undefined) this.#outcome.resolve();
    else this.#outcome.reject(failure);
    this.#release?.();
  }
}
