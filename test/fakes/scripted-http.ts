import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ArrivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string } | 'never';

/** An HTTP server of the tests' own on the loopback: keeps what arrives and answers as told. */
export class ScriptedHttp {
  readonly arrived: ArrivedRequest[] = [];
  readonly #answer: (request: ArrivedRequest) => Answer;
  #server: Server | undefined;
  #port = 0;
  #arrival = Promise.withResolvers<void>();

  constructor(answer: (request: ArrivedRequest) => Answer) {
    this.#answer = answer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.#take({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) }, response);
      });
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** Resolves with the next request that arrives, or when one has. */
  async reached(): Promise<void> {
    if (this.arrived.length === 0) await this.#arrival.promise;
  }

  #take(request: ArrivedRequest, response: ServerResponse): void {
    this.arrived.push(request);
    this.#arrival.resolve();
    const answer = this.#answer(request);
    if (answer !== 'never') response.writeHead(answer.status, answer.headers).end(answer.body);
  }
}
