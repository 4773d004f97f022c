import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { LOOPBACK_PEM, TENANT_ID } from './azure-samples.ts';

/** One request as the vault would get it, after the question whose token it wants. */
export interface StubRequest {
  /** `wrapkey`, `unwrapkey`, `key`, `versions` or `deletedkey`. */
  readonly operation: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
}

/** `hang`: takes the request and does not answer. `drop`: closes the connection. A text is sent as a page. */
export type StubAnswer =
  | 'hang'
  | 'drop'
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: unknown };

type Answers<Request> = (request: Request) => StubAnswer;

/**
 * Speaks the wire formats of Key Vault and of Entra's token endpoint on loopback, over TLS, to show what the SDKs and the provider make
 * of an answer. It models neither: every answer is given to it, and what it has no answer for fails loudly.
 */
export class AzureStub {
  readonly requests: StubRequest[] = [];
  /** The forms sent for a token. */
  readonly tokenRequests: URLSearchParams[] = [];
  /** How often it was asked without a token. */
  challenges = 0;
  readonly #server: Server;
  #answer: Answers<StubRequest> = ({ path }) => ({ status: 501, body: `the stub has no answer to ${path}` });
  #answerToken: Answers<URLSearchParams> = () => token();
  #answerMetadata: Answers<string> = (url) => metadata(url);

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer?: Answers<StubRequest>): Promise<AzureStub> {
    const pem = readFileSync(LOOPBACK_PEM);
    const server = createServer({ key: pem, cert: pem });
    const stub = new AzureStub(server);
    if (answer !== undefined) stub.answer(answer);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void stub.#serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stub;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get operations(): readonly string[] {
    return this.requests.map(({ operation }) => operation);
  }

  answer(answer: Answers<StubRequest>): void {
    this.#answer = answer;
  }

  answerToken(answer: Answers<URLSearchParams>): void {
    this.#answerToken = answer;
  }

  answerMetadata(answer: Answers<string>): void {
    this.#answerMetadata = answer;
  }

  clear(): void {
    this.requests.splice(0);
    this.tokenRequests.splice(0);
    this.challenges = 0;
    this.#answerToken = () => token();
    this.#answerMetadata = metadata;
  }

  /** Resolves once it has had so many requests. */
  async reached(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await incoming.toArray()).join('');
    const [path = ''] = String(incoming.url).split('?');
    const answer = this.#answerTo(path, incoming, text);
    if (answer === 'hang') return;
    if (answer === 'drop') {
      incoming.socket.destroy();
      return;
    }
    const isPage = typeof answer.body === 'string';
    response.writeHead(answer.status ?? 200, { 'content-type': isPage ? 'text/html' : 'application/json', ...answer.headers });
    response.end(isPage || answer.body === undefined ? answer.body : JSON.stringify(answer.body));
  }

  #answerTo(path: string, { headers }: IncomingMessage, text: string): StubAnswer {
    if (path.endsWith('/.well-known/openid-configuration')) return this.#answerMetadata(this.url);
    if (path.endsWith('/token')) {
      const form = new URLSearchParams(text);
      this.tokenRequests.push(form);
      return this.#answerToken(form);
    }
    if (headers.authorization === undefined) {
      this.challenges += 1;
      return challenge(this.url);
    }
    const request = { operation: operationOf(path), path, headers, body: text === '' ? {} : JSON.parse(text) };
    this.requests.push(request);
    return this.#answer(request);
  }
}

function operationOf(path: string): string {
  const [, kind = '', , version = '', operation] = path.split('/');
  if (kind === 'deletedkeys') return 'deletedkey';
  return operation ?? (version === 'versions' ? 'versions' : 'key');
}

function metadata(url: string): StubAnswer {
  const authority = `${url}/${TENANT_ID}`;
  return {
    body: {
      issuer: `${authority}/v2.0`,
      token_endpoint: `${authority}/oauth2/v2.0/token`,
      authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
      jwks_uri: `${authority}/discovery/v2.0/keys`,
    },
  };
}

/** What a vault says to a request without a token: who signs tokens for it, and for which resource. */
export function challenge(url: string, resource = 'https://vault.azure.net'): StubAnswer {
  const words = `Bearer authorization="${url}/${TENANT_ID}", resource="${resource}"`;
  return {
    ...vaultError('Unauthorized', 'AKV10000: Request is missing a Bearer or PoP token.', 401),
    headers: { 'www-authenticate': words },
  };
}

export function token(accessToken = 'the.access.token'): StubAnswer {
  return { body: { token_type: 'Bearer', expires_in: 3600, access_token: accessToken } };
}

/** Key Vault's error of that code; `Forbidden/KeyDisabled` has an inner code. */
export function vaultError(code: string, message = '', status = 403): { readonly status: number; readonly body: object } {
  const [outer, inner] = code.split('/');
  return { status, body: { error: { code: outer, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) } } };
}

/** Entra's error: an AADSTS number, or an OAuth error alone. */
export function tokenError(code: string, message = '', status = 400): StubAnswer {
  const number = /^AADSTS([0-9]+)$/.exec(code)?.[1];
  const described = number === undefined ? { error: code } : { error: 'invalid_client', error_codes: [Number(number)] };
  return {
    status,
    body: { ...described, error_description: `${code}: ${message}`, trace_id: 'trace', correlation_id: 'correlation' },
  };
}
