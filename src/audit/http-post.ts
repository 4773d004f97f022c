import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { SinkError, type SinkFailure } from './sink.ts';

/** Longest answer that is read: those of the services are short. */
const MAX_ANSWER_BYTES = 64 * 1024;
const IDLE_SOCKET_MS = 30_000;

export interface HttpPosterOptions {
  readonly url: string;
  /** PEM of the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  /** For one delivery, in milliseconds. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Said in so many words: without `rejectUnauthorized` a variable of the environment could let strangers have the records. */
function tlsOptions(caFile: string | undefined): AgentOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  };
}

/** Posts to one service over connections that stay open. TLS 1.2 at least; redirects are not followed. */
export class HttpPoster {
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #timeoutMs: number;

  /** @throws {Error} naming the file of authorities, where it cannot be read */
  constructor({ url, caFile, timeoutMs }: HttpPosterOptions) {
    this.#url = new URL(url);
    const common = { keepAlive: true, maxSockets: 2, timeout: IDLE_SOCKET_MS };
    this.#agent = this.#url.protocol === 'https:' ? new HttpsAgent({ ...common, ...tlsOptions(caFile) }) : new HttpAgent(common);
    this.#timeoutMs = timeoutMs;
  }

  /**
   * One request to the service's URL, or to another path of it.
   * @throws {SinkError} `unreachable` where there is no answer within the time
   */
  async post(
    body: Uint8Array,
    { headers, path, signal }: { headers: Readonly<Record<string, string>>; path?: string; signal: AbortSignal },
  ): Promise<HttpAnswer> {
    const url = path === undefined ? this.#url : new URL(path, this.#url);
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = {
      method: 'POST',
      agent: this.#agent,
      headers: { ...headers, 'content-length': String(body.length) },
      signal: AbortSignal.any([signal, timeout]),
    };
    try {
      return await answerOf(send(url, options), body);
    } catch (cause) {
      const why = timeout.aborted ? `no answer within ${this.#timeoutMs} ms` : codeOf(cause);
      throw new SinkError('unreachable', `${url.origin}: ${why}`, { cause });
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

function answerOf(request: ClientRequest, body: Uint8Array): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      response.on('data', (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
    });
    request.end(body);
  });
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** What an answer's Retry-After asks for, in milliseconds; undefined where it asks for nothing, or for a date. */
export function retryAfterMs(headers: HttpAnswer['headers']): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

const FAILURES: Readonly<Record<number, SinkFailure>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'misconfigured',
  405: 'misconfigured',
  408: 'overloaded',
  410: 'misconfigured',
  415: 'misconfigured',
  429: 'overloaded',
  503: 'overloaded',
};

/** What an operator should look at where a service answers so; a redirect is not followed. */
export function failureOfStatus(status: number): SinkFailure {
  if (status >= 300 && status < 400) return 'misconfigured';
  return FAILURES[status] ?? (status >= 500 ? 'unreachable' : 'refused');
}
