import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as Vault would get it. */
export interface StubRequest {
  readonly method: string;
  /** Below `/v1/`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly token: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** `hang`: takes the request and does not answer. `drop`: closes the connection. `pass`: asks the real server. */
export type StubAnswer =
  | 'hang'
  | 'drop'
  | 'pass'
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown };

export type Answering = (request: StubRequest) => StubAnswer | Promise<StubAnswer>;

/**
 * Stands where a Vault would, on loopback. Models none: every answer is given to it, or comes from the real server behind it, and what
 * it has no answer for fails loudly.
 */
export class VaultStub {
  readonly requests: StubRequest[] = [];
  /** The port that each request came from: one a connection. */
  readonly sockets: (number | undefined)[] = [];
  readonly #answered: string[] = [];
  readonly #server: Server;
  readonly #target: string | undefined;
  #answer: Answering;

  private constructor(server: Server, answer: Answering, target: string | undefined) {
    this.#server = server;
    this.#answer = answer;
    this.#target = target;
  }

  static async start(answer: Answering = notModelled, target?: string): Promise<VaultStub> {
    const server = createServer();
    const stub = new VaultStub(server, answer, target);
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => void stub.#serve(incoming, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  answer(answer: Answering): void {
    this.#answer = answer;
  }

  /** The paths of the requests so far. */
  get paths(): string[] {
    return this.requests.map(({ path }) => path);
  }

  /** Resolves once it has had a request whose path holds `part`. */
  async reached(part: string): Promise<void> {
    while (!this.paths.some((path) => path.includes(part))) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves once it has given a whole answer to a request whose path holds `part`. */
  async answered(part: string): Promise<void> {
    while (!this.#answered.some((path) => path.includes(part))) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await incoming.toArray()).join('');
    const seen = requestOf(incoming, text);
    this.requests.push(seen);
    this.sockets.push(incoming.socket.remotePort);
    response.on('finish', () => this.#answered.push(seen.path));
    const answer = await this.#answer(seen);
    if (answer === 'hang') return;
    if (answer === 'drop') {
      incoming.socket.destroy();
      return;
    }
    if (answer === 'pass') {
      this.#pass(incoming, text, response);
      return;
    }
    const { status = 200, headers = {}, body } = answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  #pass({ url = '', method, headers }: IncomingMessage, text: string, response: ServerResponse): void {
    const onward = request(new URL(url, this.#target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(text);
  }
}

function requestOf({ method = '', url = '', headers }: IncomingMessage, text: string): StubRequest {
  const token = headers['x-vault-token'];
  return {
    method,
    path: url.replace('/v1/', ''),
    headers,
    token: typeof token === 'string' ? token : undefined,
    body: text === '' ? {} : JSON.parse(text),
  };
}

/** Vault's refusal in these words. */
export function refusal(status: number, ...errors: readonly string[]): StubAnswer {
  return { status, body: { errors } };
}

/** Vault's answer with this data. */
export function success(data: Readonly<Record<string, unknown>>): StubAnswer {
  return {
    body: {
      request_id: '1',
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data,
      wrap_info: null,
      warnings: null,
      auth: null,
    },
  };
}

/** Vault's answer to a login or renewal. */
export function loggedIn(token: string, seconds: number, renewable = true): StubAnswer {
  return {
    body: { data: null, auth: { client_token: token, lease_duration: seconds, renewable, policies: ['default', 'keyside'] } },
  };
}

function notModelled({ path }: StubRequest): StubAnswer {
  return { status: 501, body: { errors: [`the stub has no answer to ${path}`] } };
}
