import { Metadata } from '@grpc/grpc-js';
import { Channel, type Limits } from './channel.ts';
import type { DuplexCall } from './duplex-call.ts';
import { CallerUnauthenticatedError, cancelled } from './error-types.ts';
import { KeysideError } from './errors.ts';
import { checkedTimeout } from './inputs.ts';
import type { DefaultMetadata } from './metadata.ts';
import { pause } from './patience.ts';
import type { Rpc } from './rpc.ts';
import { parseTarget, type TlsFiles } from './target.ts';
import { TokenFile } from './token-file.ts';
import { addTraceContext } from './trace-context.ts';

const DEFAULT_ADDRESS = '127.0.0.1:7460';
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_ATTEMPTS = 4;
/** What a wait before a retry is longer at most than the daemon says, so that not all come back at once. */
const JITTER = 0.2;

export interface KeysideClientOptions {
  /** `unix:///path` or `host:port`. Default: KEYSIDE_ADDRESS of the environment, else 127.0.0.1:7460. */
  readonly address?: string | undefined;
  /** File with the bearer token; read again when it changes. Default: KEYSIDE_TOKEN_FILE of the environment, else no token. */
  readonly tokenFile?: string | undefined;
  /** Mutual TLS; needed for a daemon on another machine. Default: none. */
  readonly tls?: TlsFiles | undefined;
  /** Deadline of each call with all its attempts, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long a daemon is waited for that does not answer yet, in milliseconds, never beyond the deadline. 0: one attempt to connect.
   * Default: 5,000.
   */
  readonly connectTimeoutMs?: number | undefined;
  /** How often a call is made at most where the daemon names a time to make it again after; 1: once. Default: 4. */
  readonly maxAttempts?: number | undefined;
  /** What calls say of themselves where they do not say otherwise. */
  readonly defaults?: DefaultMetadata | undefined;
  /** Where the two variables are looked up. Default: `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What one call may ask for beyond its request. */
export interface CallOptions {
  /** In place of the client's, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with CANCELLED, at the daemon too. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls of one daemon: with deadlines and retries, a token, and the caller's trace context. */
export class Connection {
  readonly address: string;
  readonly #channel: Channel;
  readonly #tokenFile: TokenFile | undefined;
  readonly #timeoutMs: number;
  readonly #maxAttempts: number;

  /** @throws {TypeError} as `parseTarget` does, and where attempts are no whole number of at least 1 */
  constructor({ environment = process.env, ...options }: KeysideClientOptions) {
    this.address = options.address ?? (environment.KEYSIDE_ADDRESS || DEFAULT_ADDRESS);
    const connectTimeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    this.#channel = new Channel(this.address, parseTarget(this.address, options.tls), connectTimeoutMs);
    const tokenFile = options.tokenFile ?? environment.KEYSIDE_TOKEN_FILE;
    this.#tokenFile = tokenFile ? new TokenFile(tokenFile) : undefined;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#maxAttempts = options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
    if (!Number.isSafeInteger(this.#maxAttempts) || this.#maxAttempts < 1)
      throw new TypeError('maxAttempts must be a whole number of at least 1');
  }

  /** The request is encoded before this returns: what it was made of may be wiped then. @throws {KeysideError} */
  async call<Request, Response>(
    rpc: Rpc<Request, Response>,
    request: Request,
    { timeoutMs = this.#timeoutMs, signal }: CallOptions,
  ): Promise<Response> {
    const limits = { deadline: performance.now() + checkedTimeout(timeoutMs), signal };
    const bytes = rpc.encode(request);
    let isTokenRenewed = false;
    for (let attempt = 1; ; attempt++) {
      if (!this.#channel.isReady) await this.#channel.connect(limits);
      const token = this.#tokenFile?.authorization();
      try {
        return await this.#channel.unary(rpc, bytes, { ...limits, metadata: headersOf(token) });
      } catch (error) {
        // The daemon was started anew, and made another token.
        if (!isTokenRenewed && error instanceof CallerUnauthenticatedError && token !== this.#tokenFile?.authorization()) {
          isTokenRenewed = true;
        } else {
          await this.#beforeNext(error, attempt, limits);
        }
      }
    }
  }

  /** Begins a call with messages both ways; it has no deadline. @throws {KeysideError} where there is no token or no daemon */
  async open<Request, Response>(
    rpc: Rpc<Request, Response>,
    { timeoutMs = this.#timeoutMs, signal: asked }: CallOptions,
    abandoned: AbortSignal,
  ): Promise<DuplexCall<Request, Response>> {
    const signal = asked === undefined ? abandoned : AbortSignal.any([asked, abandoned]);
    const deadline = performance.now() + checkedTimeout(timeoutMs);
    if (!this.#channel.isReady) await this.#channel.connect({ deadline, signal });
    const metadata = headersOf(this.#tokenFile?.authorization());
    return this.#channel.duplex(rpc, metadata, { address: this.address, timeoutMs, signal });
  }

  close(): void {
    this.#channel.close();
  }

  /** Waits as long as the daemon says. @throws the error where the call is not to be made again */
  async #beforeNext(error: unknown, attempt: number, { deadline, signal }: Limits): Promise<void> {
    if (!(error instanceof KeysideError) || error.retryAfterMs === undefined || attempt >= this.#maxAttempts) throw error;
    const waitMs = error.retryAfterMs * (1 + JITTER * Math.random());
    if (performance.now() + waitMs >= deadline) throw error;
    await pause(waitMs, signal);
    if (signal?.aborted) throw cancelled();
  }
}

function headersOf(authorization: string | undefined): Metadata {
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  addTraceContext(metadata);
  return metadata;
}
