import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { ErrorInfo, RetryInfo } from '../src/gen/google/rpc/error_details.ts';
import { Status } from '../src/gen/google/rpc/status.ts';
import { KeysideClient, type KeysideClientOptions } from '../src/index.ts';

/** What a failed call is answered with. */
export interface Failure {
  readonly code: number;
  readonly message: string;
  readonly reason?: string;
  readonly domain?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryMs?: number;
  /** In place of what the last four make. */
  readonly details?: Uint8Array;
}

/** A call as it arrived. */
export interface SeenCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The message of a unary call. */
  readonly request: Uint8Array;
}

/** What to do with a call: answer with bytes or a failure, or do as the function does. */
export type Answer = Uint8Array | Failure | 'never' | ((stream: ServerHttp2Stream, call: SeenCall) => unknown);

/** A server of HTTP/2 that does with calls what the test says: what a daemon never does can be done too. */
export class FakeDaemon {
  readonly calls: SeenCall[] = [];
  readonly #server: Http2Server;
  readonly #answers: Answer[];
  readonly #sessions = new Set<ServerHttp2Session>();

  /** One answer for each call; the last one for all that follow. */
  constructor(...answers: readonly [Answer, ...Answer[]]) {
    this.#answers = [...answers];
    this.#server = createServer();
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('error', () => undefined);
    });
    this.#server.on('stream', (stream, headers) => void this.#serve(stream, headers));
  }

  async listen(port = 0): Promise<string> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** On a Unix socket, with windows as the daemon has them. */
  async listenUnix(path: string): Promise<string> {
    this.#server.on('session', (session) => session.setLocalWindowSize(512 * 1024));
    this.#server.updateSettings({ initialWindowSize: 256 * 1024 });
    this.#server.listen(path);
    await once(this.#server, 'listening');
    return `unix://${path}`;
  }

  /** Breaks all connections. */
  stop(): void {
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => undefined);
    const answer = this.#answers.length > 1 ? (this.#answers.shift() as Answer) : (this.#answers[0] as Answer);
    const path = String(headers[':path']);
    if (path.endsWith('Stream') && typeof answer === 'function') {
      const call = { path, headers, request: Buffer.alloc(0) };
      this.calls.push(call);
      answer(stream, call);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const call = { path, headers, request: Buffer.concat(chunks).subarray(5) };
    this.calls.push(call);
    if (answer === 'never') return;
    if (typeof answer === 'function') answer(stream, call);
    else if (answer instanceof Uint8Array) succeed(stream, answer);
    else fail(stream, answer);
  }
}

/** A client of a new fake daemon; both end with the test. */
export async function connected(
  t: TestContext,
  answers: readonly [Answer, ...Answer[]],
  options: KeysideClientOptions = {},
): Promise<{ readonly client: KeysideClient; readonly daemon: FakeDaemon; readonly address: string }> {
  const daemon = new FakeDaemon(...answers);
  const address = await daemon.listen();
  t.after(() => daemon.stop());
  const client = new KeysideClient({ address, environment: {}, ...options });
  t.after(() => client.close());
  return { client, daemon, address };
}

export function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
}

export function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export function succeed(stream: ServerHttp2Stream, message: Uint8Array): void {
  begin(stream);
  finish(stream, { 'grpc-status': '0' });
  stream.end(frame(message));
}

/** Ends with these trailers, once everything is sent. */
export function finish(stream: ServerHttp2Stream, trailers: Readonly<Record<string, string>>): void {
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
}

/** Without a message: headers alone. */
export function fail(stream: ServerHttp2Stream, failure: Failure): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto', ...trailersOf(failure) }, { endStream: true });
}

export function trailersOf(failure: Failure): Record<string, string> {
  const bytes = failure.details ?? Status.encode(statusOf(failure)).finish();
  return {
    'grpc-status': String(failure.code),
    'grpc-message': encodeURI(failure.message),
    'grpc-status-details-bin': Buffer.from(bytes).toString('base64').replace(/=+$/, ''),
  };
}

export function statusOf({ code, message, reason, domain = 'keyside.dev', metadata = {}, retryMs }: Failure): Status {
  const details: Status['details'] = [];
  const add = (name: string, value: Uint8Array) => details.push({ typeUrl: `type.googleapis.com/google.rpc.${name}`, value });
  if (reason !== undefined) {
    add('ErrorInfo', ErrorInfo.encode({ reason, domain, metadata: new Map(Object.entries(metadata)) }).finish());
  }
  if (retryMs !== undefined) {
    const retryDelay = { seconds: Math.floor(retryMs / 1_000), nanos: (retryMs % 1_000) * 1_000_000 };
    add('RetryInfo', RetryInfo.encode({ retryDelay }).finish());
  }
  return { code, message, details };
}
