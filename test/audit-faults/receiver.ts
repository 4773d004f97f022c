import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a receiver does with one delivery. */
export interface Treatment {
  readonly status: number;
  /** Whether its records stay, whatever is answered. */
  readonly isKept: boolean;
  /** Before it answers, in milliseconds. */
  readonly delayMs?: number;
}

export const TAKES: Treatment = { status: 200, isKept: true };

/** A webhook's other end on the loopback, which can go away and come back. */
export class Receiver {
  /** Records as they came, the lines of one delivery after the other. */
  readonly lines: string[] = [];
  deliveries = 0;
  refused = 0;
  readonly #treat: (delivery: number) => Treatment;
  #server: Server | undefined;
  #port = 0;

  /** @param treat given the number of the delivery: 1, 2, 3, … */
  constructor(treat: (delivery: number) => Treatment = () => TAKES) {
    this.#treat = treat;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.#take(Buffer.concat(chunks).toString('utf8'), response));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  #take(body: string, response: ServerResponse): void {
    this.deliveries += 1;
    const { status, isKept, delayMs = 0 } = this.#treat(this.deliveries);
    if (isKept) this.lines.push(...body.split('\n').filter((line) => line !== ''));
    if (status !== 200) this.refused += 1;
    setTimeout(() => response.writeHead(status).end(), delayMs);
  }
}
