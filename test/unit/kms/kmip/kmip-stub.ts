import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { FrameReader } from '../../../../src/kms/kmip/frame.ts';
import { TAG } from '../../../../src/kms/kmip/tags.ts';
import type { KmipTarget } from '../../../../src/kms/kmip/tls.ts';
import { Authority, type Certificate, temporaryFolder, writeCertificate } from './certificates.ts';

/** Bytes to answer with. `hang`: takes the request and does not answer. `drop`: ends the connection. */
export type KmipAnswer = 'hang' | 'drop' | Uint8Array;

export type Answering = (request: Uint8Array) => KmipAnswer | Promise<KmipAnswer>;

interface StubOptions {
  readonly answer: Answering;
  readonly authority: Authority;
  readonly certificate: Certificate;
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** A TLS server that demands a client certificate and answers as it is told: it models no KMIP server. */
export class KmipStub {
  readonly requests: Uint8Array[] = [];
  /** How many connections there have been. */
  connections = 0;
  /** Common names of the clients, one a connection. */
  readonly clients: string[] = [];
  readonly #sockets = new Set<TLSSocket>();
  readonly #server: Server;
  #answer: Answering;

  private constructor(server: Server, answer: Answering) {
    this.#server = server;
    this.#answer = answer;
    server.on('secureConnection', (socket) => this.#serve(socket));
  }

  static async start(options: StubOptions): Promise<KmipStub> {
    const { certificatePem: cert, keyPem: key } = options.certificate;
    const { maxVersion } = options;
    const ca = options.authority.certificatePem;
    const server = createServer({ cert, key, ca, maxVersion, requestCert: true, rejectUnauthorized: true });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new KmipStub(server, options.answer);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  answer(answer: Answering): void {
    this.#answer = answer;
  }

  /** Resolves once it has had so many requests. */
  async reached(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves once there have been so many connections: with TLS 1.3 a client is through before the server is. */
  async connected(count: number): Promise<void> {
    while (this.connections < count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Ends every connection, and lets the clients notice. */
  async dropAll(): Promise<void> {
    const closing = [...this.#sockets].map((socket) => once(socket, 'close'));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closing);
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #serve(socket: TLSSocket): void {
    this.connections += 1;
    this.clients.push(String(socket.getPeerCertificate().subject.CN));
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    const frame = new FrameReader(TAG.requestMessage);
    socket.on('data', (piece: Buffer) => {
      const request = frame.push(piece);
      if (request !== undefined) void this.#reply(socket, request);
    });
  }

  async #reply(socket: TLSSocket, request: Uint8Array): Promise<void> {
    this.requests.push(request);
    const answer = await this.#answer(request);
    if (answer === 'hang') return;
    if (answer === 'drop') socket.destroy();
    else socket.write(answer);
  }
}

/** A stub, its authority, and the files of a client that it lets in. */
export interface KmipSetting {
  readonly stub: KmipStub;
  readonly authority: Authority;
  readonly folder: string;
  readonly target: KmipTarget;
  /** Stops the stub and removes the files. */
  close(): Promise<void>;
}

export async function kmipSetting(answer: Answering, change: Partial<StubOptions> = {}): Promise<KmipSetting> {
  const authority = new Authority('test authority');
  const folder = await temporaryFolder();
  const caFile = join(folder, 'ca.crt');
  await writeFile(caFile, authority.certificatePem);
  const certificate = authority.server(['127.0.0.1', 'kmip.example']);
  const stub = await KmipStub.start({ answer, authority, certificate, maxVersion: 'TLSv1.3', ...change });
  const files = await writeCertificate(folder, authority.client('keyside'));
  const close = async (): Promise<void> => {
    await stub.stop();
    await rm(folder, { recursive: true });
  };
  return { stub, authority, folder, close, target: { host: '127.0.0.1', port: stub.port, caFile, ...files } };
}
