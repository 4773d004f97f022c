import { Buffer } from 'node:buffer';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Client, Metadata } from '@grpc/grpc-js';
import { DuplexCall } from './duplex-call.ts';
import { fromServiceError } from './errors.ts';
import { parseTarget, type TlsFiles } from './target.ts';
import { TokenFile } from './token-file.ts';

const DEFAULT_ADDRESS = '127.0.0.1:7460';
const DEFAULT_TIMEOUT_MS = 10_000;

const CHANNEL = {
  // The messages are plaintext: a proxy that the environment names for the web must never see one.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  // The daemon limits what it takes; what it answers is at most that much.
  'grpc.max_send_message_length': -1,
  'grpc.max_receive_message_length': -1,
} as const;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface KeysideClientOptions {
  /** `unix:///path` or `host:port`. Default: KEYSIDE_ADDRESS of `environment`, else 127.0.0.1:7460. */
  readonly address?: string | undefined;
  /** File with the bearer token; read again when it changes. Default: KEYSIDE_TOKEN_FILE of `environment`, else no token. */
  readonly tokenFile?: string | undefined;
  /** Mutual TLS; needed for a daemon on another machine. Default: none. */
  readonly tls?: TlsFiles | undefined;
  /** Deadline of each call, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Where the two variables are looked up: `process.env` for most. Default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What one call may ask for beyond its request. */
export interface CallOptions {
  /** In place of the client's, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: BinaryReader): T;
}

/** A method as the generated code has it. */
export interface Method<Request, Response> {
  readonly name: string;
  readonly requestType: MessageType<Request>;
  readonly responseType: MessageType<Response>;
}

/** One channel to one daemon. Connects at the first call, and again after each failure. */
export class Connection {
  readonly address: string;
  readonly #client: Client;
  readonly #tokenFile: TokenFile | undefined;
  readonly #timeoutMs: number;

  /** @throws {TypeError} as `parseTarget` does */
  constructor({ environment = {}, ...options }: KeysideClientOptions) {
    this.address = options.address ?? (environment.KEYSIDE_ADDRESS || DEFAULT_ADDRESS);
    const { uri, credentials } = parseTarget(this.address, options.tls);
    const tokenFile = options.tokenFile ?? environment.KEYSIDE_TOKEN_FILE;
    this.#client = new Client(uri, credentials, CHANNEL);
    this.#tokenFile = tokenFile ? new TokenFile(tokenFile) : undefined;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** @throws {KeysideClientError} */
  async call<Request, Response>(
    path: `/${string}/`,
    method: Method<Request, Response>,
    { request, timeoutMs = this.#timeoutMs, signal }: CallOptions & { readonly request: Request },
  ): Promise<Response> {
    const deadline = Date.now() + timeoutMs;
    const metadata = await this.#metadata();
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const { encode, decode } = codecOf(method);
    const options = { deadline };
    const call = this.#client.makeUnaryRequest(
      path + method.name,
      encode,
      decode,
      request,
      metadata,
      options,
      (error, answer) => {
        if (error !== null) reject(fromServiceError(error, this.address));
        else resolve(answer as Response);
      },
    );
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Begins a call with messages both ways; it has no deadline. @throws {KeysideClientError} where there is no token to send */
  async open<Request, Response>(
    path: `/${string}/`,
    method: Method<Request, Response>,
    { timeoutMs = this.#timeoutMs, signal }: CallOptions,
  ): Promise<DuplexCall<Request, Response>> {
    const metadata = await this.#metadata();
    const { encode, decode } = codecOf(method);
    const call = this.#client.makeBidiStreamRequest(path + method.name, encode, decode, metadata);
    return new DuplexCall(call, { address: this.address, timeoutMs, signal });
  }

  close(): void {
    this.#client.close();
  }

  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.#tokenFile !== undefined) metadata.set('authorization', `Bearer ${await this.#tokenFile.token()}`);
    return metadata;
  }
}

function codecOf<Request, Response>({ requestType, responseType }: Method<Request, Response>) {
  return {
    encode: (message: Request): Buffer => viewOf(requestType.encode(message).finish()),
    // Two texts that differ must not become one: invalid UTF-8 ends the call.
    decode: (bytes: Uint8Array): Response => responseType.decode(new BinaryReader(bytes, (text) => utf8.decode(text))),
  };
}

/** The same bytes, not copied. */
function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
