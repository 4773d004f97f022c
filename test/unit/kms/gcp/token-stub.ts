import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as Google's Security Token Service or IAM would get it. */
export interface TokenRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  /** The form of the one, the JSON of the other. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type TokenAnswer = 'hang' | 'drop' | { readonly status: number; readonly body: unknown };

/** Speaks for both token services on loopback. Every answer is given to it. */
export class TokenStub {
  readonly requests: TokenRequest[] = [];
  readonly #server: Server;
  #answer: (request: TokenRequest) => TokenAnswer | Promise<TokenAnswer> = grant;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<TokenStub> {
    const server = createServer();
    const stub = new TokenStub(server);
    server.on('request', async (incoming, response) => {
      const text = (await incoming.toArray()).join('');
      const isForm = String(incoming.headers['content-type']).includes('urlencoded');
      const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text);
      const request = { path: incoming.url ?? '', authorization: incoming.headers.authorization, body };
      stub.requests.push(request);
      const answer = await stub.#answer(request);
      if (answer === 'hang') return;
      if (answer === 'drop') return incoming.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  answer(answer: (request: TokenRequest) => TokenAnswer | Promise<TokenAnswer>): void {
    this.#answer = answer;
  }

  /** Forgets what it was told and asked. */
  reset(): void {
    this.#answer = grant;
    this.requests.splice(0);
  }

  async reached(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** A token of either service: `sts-token` for an hour, or `iam-token` until `expireTime`. */
export function grant({ path }: TokenRequest, expiresInMs = 3_600_000): TokenAnswer {
  if (path.endsWith(':generateAccessToken')) {
    const expireTime = new Date(Date.now() + expiresInMs).toISOString();
    return { status: 200, body: { accessToken: 'iam-token', expireTime } };
  }
  const issued = { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', token_type: 'Bearer' };
  return { status: 200, body: { ...issued, access_token: 'sts-token', expires_in: expiresInMs / 1_000 } };
}

/** The Security Token Service's error (RFC 6749, section 5.2). */
export function stsError(error: string, status = 400): TokenAnswer {
  return { status, body: { error, error_description: 'said by the stub' } };
}

/** IAM's error. */
export function iamError(status: string, code: number): TokenAnswer {
  return { status: code, body: { error: { code, message: 'said by the stub', status } } };
}
