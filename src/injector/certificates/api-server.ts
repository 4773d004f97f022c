import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as send } from 'node:https';
import { asMapping } from '../../config/raw-value.ts';

/** An object as it was read: its fields are looked at one by one, and all of it goes back when it is replaced. */
export type KubernetesObject = Readonly<Record<string, unknown>>;

/** One step of a JSON patch (RFC 6902). */
export interface PatchStep {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

/** The few things that the injector asks of the API server. All of them throw {ApiServerError} and nothing else. */
export interface ApiServer {
  /** @param path such as `/api/v1/namespaces/keyside/secrets/certificate` */
  get(path: string): Promise<KubernetesObject>;
  /** @param path of the collection */
  create(path: string, object: KubernetesObject): Promise<KubernetesObject>;
  /** With the `metadata.resourceVersion` that was read: `conflict` where somebody else was faster. */
  replace(path: string, object: KubernetesObject): Promise<KubernetesObject>;
  patch(path: string, steps: readonly PatchStep[]): Promise<KubernetesObject>;
}

/**
 * `missing`: there is no such object. `conflict`: it is another than the one that was read, or is there already. `forbidden`: roles do
 * not allow it. `unauthorized`: the token is not taken. `refused`: the request is at fault. `unavailable`: nobody answered, or not as
 * an API server does; what was asked may have happened all the same.
 */
export type ApiServerFailure = 'missing' | 'conflict' | 'forbidden' | 'unauthorized' | 'refused' | 'unavailable';

export class ApiServerError extends Error {
  override readonly name = 'ApiServerError';
  readonly failure: ApiServerFailure;

  constructor(failure: ApiServerFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

export interface ApiServerOptions {
  /** Such as `https://10.0.0.1:443`. */
  readonly origin: string;
  /** The service account's token. Kubelets replace it: it is read for each request. */
  readonly tokenFile: string;
  /** PEM; read for each request too. */
  readonly caFile: string;
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
}

const MAX_ANSWER_BYTES = 8 * 2 ** 20;
const IDLE_SOCKET_MS = 30_000;
const FAILURES: Readonly<Record<number, ApiServerFailure>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'missing',
  408: 'unavailable',
  409: 'conflict',
  429: 'unavailable',
};

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly contentType?: string;
  readonly body?: unknown;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** An API server over HTTPS, TLS 1.2 at least. Redirects are not followed, nothing is tried twice. */
export class HttpsApiServer implements ApiServer {
  readonly #options: ApiServerOptions;
  #connections: { readonly ca: string; readonly agent: Agent } | undefined;

  constructor(options: ApiServerOptions) {
    this.#options = options;
  }

  get(path: string): Promise<KubernetesObject> {
    return this.#call({ method: 'GET', path });
  }

  create(path: string, object: KubernetesObject): Promise<KubernetesObject> {
    return this.#call({ method: 'POST', path, contentType: 'application/json', body: object });
  }

  replace(path: string, object: KubernetesObject): Promise<KubernetesObject> {
    return this.#call({ method: 'PUT', path, contentType: 'application/json', body: object });
  }

  patch(path: string, steps: readonly PatchStep[]): Promise<KubernetesObject> {
    return this.#call({ method: 'PATCH', path, contentType: 'application/json-patch+json', body: steps });
  }

  close(): void {
    this.#connections?.agent.destroy();
  }

  async #call(call: Call): Promise<KubernetesObject> {
    const { status, text } = await this.#send(call);
    const what = `${call.method} ${call.path}`;
    if (status >= 200 && status < 300) {
      const object = parse(text);
      if (object !== undefined) return object;
      throw new ApiServerError('unavailable', `${what}: the answer is no JSON object`);
    }
    const failure = FAILURES[status] ?? (status >= 500 || status < 400 ? 'unavailable' : 'refused');
    const { message } = parse(text) ?? {};
    throw new ApiServerError(failure, `${what}: ${status}${typeof message === 'string' ? ` ${message}` : ''}`);
  }

  async #send({ method, path, contentType, body }: Call): Promise<Answer> {
    const { origin, timeoutMs } = this.#options;
    // Before the files are read: the time is that of the whole.
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const { token, agent } = await this.#identity();
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        ...(contentType === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
      };
      return await answerOf(send(new URL(path, origin), { method, agent, headers, signal }), text);
    } catch (cause) {
      const why = signal.aborted ? `no answer within ${timeoutMs} ms` : messageOf(cause);
      throw new ApiServerError('unavailable', `${method} ${path}: ${why}`, { cause });
    }
  }

  async #identity(): Promise<{ readonly token: string; readonly agent: Agent }> {
    const { tokenFile, caFile } = this.#options;
    const [token, ca] = await Promise.all([readFile(tokenFile, 'utf8'), readFile(caFile, 'utf8')]);
    if (this.#connections?.ca !== ca) {
      this.#connections?.agent.destroy();
      this.#connections = { ca, agent: agentOf(ca) };
    }
    return { token: token.trim(), agent: this.#connections.agent };
  }
}

/** `rejectUnauthorized` is said, since without it a variable of the environment decides, and a stranger gets the token. */
function agentOf(ca: string): Agent {
  return new Agent({ ca, rejectUnauthorized: true, keepAlive: true, minVersion: 'TLSv1.2', timeout: IDLE_SOCKET_MS });
}

function answerOf(request: ClientRequest, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) =>
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject),
    );
    request.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): KubernetesObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value === asMapping(value) ? (value as KubernetesObject) : undefined;
  } catch {
    // The caller says what it makes of an answer that is none.
    return undefined;
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? `${error.code}: ${error.message}` : error.message;
}
