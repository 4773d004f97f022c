import { Buffer } from 'node:buffer';
import { Client, connectivityState, Metadata } from '@grpc/grpc-js';
import { DuplexCall, type DuplexOptions } from './duplex-call.ts';
import { cancelled } from './error-types.ts';
import { pause } from './patience.ts';
import type { Rpc } from './rpc.ts';
import { failureOf, unreachable } from './status.ts';
import type { Target } from './target.ts';

/**
 * Windows stay as HTTP/2 has them, 64 KiB for all streams of a connection together: Node stops reading from a socket while it waits to
 * write to it. Where both sides could have more under way than a socket holds (208 KiB, of a Unix socket), both would wait for ever.
 */
const OPTIONS = {
  // The messages are plaintext: a proxy that the environment names for the web must never see one.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  // What is made again, and when, is decided by who makes the call.
  'grpc.enable_retries': 0,
  // The daemon limits what it takes; what it answers is at most that much.
  'grpc.max_send_message_length': -1,
  'grpc.max_receive_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A client has a connection of its own, which ends with it.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  'grpc.primary_user_agent': 'keyside-client-typescript',
} as const;

/** Of one attempt to connect, where nothing else limits it, in milliseconds. */
const ATTEMPT_MS = 5_000;
/** How long grpc-js may take to say why there is no connection, in milliseconds. */
const REASON_MS = 100;
const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
/** In milliseconds: what the header of a deadline holds, in hours. Beyond it there is none. */
const LONGEST_TIMEOUT_MS = 99_999_999 * 3_600_000;

export interface Limits {
  /** When to give up, as `performance.now()` counts. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/** One connection to one daemon: made when it is first needed, and again when it is needed after it broke. */
export class Channel {
  readonly #address: string;
  readonly #connectTimeoutMs: number;
  readonly #client: Client;
  /** Those who wait for another state of the connection. */
  readonly #waiting = new Set<() => void>();
  #isWatched = false;
  #isClosed = false;

  /** @param connectTimeoutMs how long attempts are repeated; 0 for one attempt */
  constructor(address: string, target: Target, connectTimeoutMs: number) {
    this.#address = address;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#client = new Client(target.uri, target.credentials, OPTIONS);
  }

  /** Whether there is a connection; else `connect` has to make one. */
  get isReady(): boolean {
    return this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Waits until there is a connection. @throws {UnavailableError} why there is none within the limits; {CancelledError} */
  async connect({ deadline, signal }: Limits): Promise<void> {
    const until = Math.min(deadline, performance.now() + (this.#connectTimeoutMs || ATTEMPT_MS));
    for (;;) {
      if (this.#isClosed) throw cancelled('the client is closed');
      if (signal?.aborted) throw cancelled();
      const state = this.#begin();
      if (state === connectivityState.READY) return;
      const hasFailed = state === connectivityState.TRANSIENT_FAILURE;
      if (performance.now() >= until || (hasFailed && this.#connectTimeoutMs === 0)) {
        if (!hasFailed) throw unreachable(this.#address);
        return this.#explain();
      }
      this.#watch(state);
      await pause(until - performance.now(), signal, this.#waiting);
    }
  }

  /** Makes a call once. @param request as it is encoded @throws {KeysideError} */
  unary<Response>({ path, decode }: Rpc<never, Response>, request: Buffer, call: Limits & { readonly metadata: Metadata }) {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const { deadline, signal, metadata } = call;
    const timeoutMs = deadline - performance.now();
    const options = { deadline: timeoutMs > LONGEST_TIMEOUT_MS ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs };
    const sent = this.#client.makeUnaryRequest(path, asIs, decode, request, metadata, options, (error, answer) => {
      signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(answer as Response);
      else reject(failureOf(error, this.#address));
    });
    const cancel = (): void => sent.cancel();
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
    return promise;
  }

  /** Begins a call with messages both ways; it has no deadline. */
  duplex<Request, Response>(
    { path, encode, decode }: Rpc<Request, Response>,
    metadata: Metadata,
    options: DuplexOptions,
  ): DuplexCall<Request, Response> {
    return new DuplexCall(this.#client.makeBidiStreamRequest(path, encode, decode, metadata), options);
  }

  /** Calls that still run may end in CANCELLED. */
  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }

  /** The state of the connection, which is begun where there is none. */
  #begin(): connectivityState {
    const channel = this.#client.getChannel();
    channel.getConnectivityState(true);
    return channel.getConnectivityState(false);
  }

  /** Wakes all who wait, once. They share one watch: grpc-js keeps each until the state changes. */
  #watch(state: connectivityState): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#client.getChannel().watchConnectivityState(state, Number.POSITIVE_INFINITY, () => {
      this.#isWatched = false;
      for (const wake of this.#waiting) wake();
    });
  }

  /**
   * Tells why there is no connection. grpc-js says it to calls alone, so one is made that asks for nothing: whether the daemon serves.
   * @throws {UnavailableError} unless there is a connection by now
   */
  #explain(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const deadline = Date.now() + REASON_MS;
    this.#client.makeUnaryRequest(HEALTH_CHECK, asIs, asIs, Buffer.alloc(0), new Metadata(), { deadline }, (error) => {
      if (this.isReady) resolve();
      else reject(unreachable(this.#address, error ?? undefined));
    });
    return promise;
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
