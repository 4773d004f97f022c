import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the stub says of an enabled key that fits. */
const FACTS = { type: 'aes256-gcm96', latest_version: 1, min_decryption_version: 1 };

/** Seconds after which a client may ask again: short, so that four attempts take no time. */
const RETRY_AFTER_S = '0.05';

/**
 * The refusals of a Transit engine, by the key's name: `denied` refuses and shows an enabled key, `throttled` throttles, `slow` never
 * answers. It seals nothing: data goes under keys that work. Any other request ends in 501, so that it is seen.
 */
export class KmsStub {
  readonly #server: Server;
  readonly #wraps = new Map<string, number>();

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Listens on a loopback port of the system's choice. */
  static async start(): Promise<KmsStub> {
    const stub = new KmsStub();
    stub.#server.listen(0, '127.0.0.1');
    await once(stub.#server, 'listening');
    return stub;
  }

  /** `http://127.0.0.1:PORT` */
  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often the key was asked to wrap. */
  wrapsOf(key: string): number {
    return this.#wraps.get(key) ?? 0;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const [, , , operation = '', key = ''] = (request.url ?? '').split('/');
    if (operation === 'encrypt') this.#wraps.set(key, this.wrapsOf(key) + 1);
    const call = `${request.method} ${operation}`;
    if (call === 'GET keys') reply(response, 200, { data: FACTS });
    else if (call === 'GET token') reply(response, 200, { data: {} });
    else if (call !== 'POST encrypt') reply(response, 501, { errors: [`nothing answers ${call}`] });
    else if (key === 'denied') reply(response, 403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] });
    else if (key === 'throttled') reply(response, 429, { errors: ['rate limit quota exceeded'] });
    else if (key !== 'slow') reply(response, 501, { errors: [`there is no key ${key}`] });
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (status === 429) response.setHeader('retry-after', RETRY_AFTER_S);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
