import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { LOOPBACK_PEM } from '../unit/kms/azure/azure-samples.ts';

/** What happens to unwraps on their way: never answered, or answered with so many bytes in place of what the vault unwrapped. */
type Fault = 'hang' | { readonly bytes: number };

interface Target {
  readonly url: string;
  /** The certificate that it is trusted by. */
  readonly ca: Buffer;
}

/** Stands before a vault, hands every request on, counts them, and does to unwraps what it is told. */
export class VaultProxy {
  readonly #server: Server;
  readonly #target: Target;
  readonly #fault: Fault | undefined;
  readonly #unwraps = Promise.withResolvers<void>();
  /** Requests the vault has had through it. */
  calls = 0;

  private constructor(target: Target, fault: Fault | undefined) {
    this.#target = target;
    this.#fault = fault;
    const pem = readFileSync(LOOPBACK_PEM);
    this.#server = createServer({ key: pem, cert: pem }, (incoming, outgoing) => void this.#serve(incoming, outgoing));
  }

  static async start(target: Target, fault?: Fault): Promise<VaultProxy> {
    const proxy = new VaultProxy(target, fault);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves once an unwrap has come. */
  async reached(): Promise<void> {
    await this.#unwraps.promise;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.calls += 1;
    const body = Buffer.concat(await incoming.toArray());
    const isUnwrap = String(incoming.url).includes('/unwrapkey') && incoming.headers.authorization !== undefined;
    if (isUnwrap) this.#unwraps.resolve();
    if (isUnwrap && this.#fault === 'hang') return;
    try {
      const answer = await this.#onward(incoming, body);
      const bytes = Buffer.concat(await answer.toArray());
      const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, headers);
      outgoing.end(isUnwrap && typeof this.#fault === 'object' ? garbage(bytes, this.#fault.bytes) : bytes);
    } catch {
      outgoing.destroy(); // as a connection that breaks
    }
  }

  async #onward({ url, method, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const onward = request(`${this.#target.url}${url}`, { method, headers, ca: this.#target.ca });
    onward.end(body);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    return answer;
  }
}

function garbage(answer: Buffer, bytes: number): string {
  return JSON.stringify({ ...JSON.parse(answer.toString()), value: Buffer.alloc(bytes, 1).toString('base64url') });
}
