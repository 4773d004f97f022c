import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { KubernetesObject, PatchStep } from '../../src/injector/certificates/api-server.ts';
import { Authority } from '../../src/injector/certificates/authority.ts';
import { ClusterObjects, failure, statusOf } from './cluster-objects.ts';

const HOUR_MS = 3_600_000;
const NAME = 'kubernetes.test';
const PATCH_TYPE = 'application/json-patch+json';

/** What is asked of it. */
interface Asked {
  readonly method: string;
  readonly path: string;
}

/** An API server over HTTPS that knows its clients by a token: objects in memory, refusals and outages as the test wants them. */
export class FakeApiServer {
  readonly objects = new ClusterObjects();
  /** Where the server's authority and the client's token lie. */
  readonly caFile: string;
  readonly tokenFile: string;
  /** Tokens that are taken. */
  readonly tokens = new Set<string>();
  /** What `/version` says. */
  version: KubernetesObject = { major: '1', minor: '31' };
  /** Says what is not allowed, with 403. */
  forbids: (asked: Asked) => boolean = () => false;
  /** While true every connection is cut. */
  isOut = false;
  /** While true requests are not answered. */
  isSilent = false;
  readonly asked: Asked[] = [];
  readonly #server: Server;

  /** @param directory for the files of its clients */
  constructor(directory: string) {
    this.caFile = join(directory, 'ca.crt');
    this.tokenFile = join(directory, 'token');
    const { authority, pair } = Authority.make({ nowMs: Date.now(), lifetimeMs: HOUR_MS });
    const { certificate, privateKey } = authority.issue({
      nowMs: Date.now(),
      lifetimeMs: HOUR_MS,
      dnsNames: [NAME, 'localhost'],
    });
    writeFileSync(this.caFile, pair.certificate);
    this.giveToken('token-1');
    this.#server = createServer(
      { cert: certificate, key: privateKey },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on('secureConnection', (socket) => this.isOut && socket.destroy());
  }

  /** Writes a token for the clients, and takes no other from now on. */
  giveToken(token: string): void {
    this.tokens.clear();
    this.tokens.add(token);
    writeFileSync(this.tokenFile, `${token}\n`);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** By its name: certificates are not made for addresses. */
  get host(): string {
    return 'localhost';
  }

  async start(): Promise<void> {
    this.#server.listen(0, 'localhost');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (this.isOut) {
      request.socket.destroy();
      return;
    }
    if (this.isSilent) return;
    const [code, body] = await this.#answer(request, Buffer.concat(chunks).toString());
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  async #answer(request: IncomingMessage, text: string): Promise<[code: number, body: unknown]> {
    const { method = '', url: path = '' } = request;
    try {
      this.#admit(request);
      return [method === 'POST' ? 201 : 200, await this.#act({ method, path }, request.headers['content-type'], text)];
    } catch (error) {
      const { code, message } = statusOf(error);
      return [code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code }];
    }
  }

  #admit({ method = '', url: path = '', headers }: IncomingMessage): void {
    const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    if (token === undefined || !this.tokens.has(token)) throw failure('unauthorized', 'Unauthorized');
    this.asked.push({ method, path });
    if (this.forbids({ method, path })) throw failure('forbidden', `${method} ${path} is forbidden`);
  }

  async #act({ method, path }: Asked, type: string | undefined, text: string): Promise<KubernetesObject> {
    const body = text === '' ? undefined : JSON.parse(text);
    if (method === 'GET') return path === '/version' ? this.version : this.objects.get(path);
    if (method === 'POST') return this.objects.create(path, body as KubernetesObject);
    if (method === 'PUT') return this.objects.replace(path, body as KubernetesObject);
    if (method === 'PATCH' && type === PATCH_TYPE) return this.objects.patch(path, body as PatchStep[]);
    throw failure('refused', `${method} of ${type} is not modelled`);
  }
}
