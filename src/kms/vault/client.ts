import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as startHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as startHttps } from 'node:https';
import { createSecureContext } from 'node:tls';
import { OddAnswer, type VaultConnection, VaultRefusal, type VaultRequest, type VaultServer } from './vault-server.ts';

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_SAYS_CHARACTERS = 200;

/** Shorter than the idle time of Vault (5 minutes) and of usual load balancers (1 minute): we hang up first. */
const SOCKET_OPTIONS = { keepAlive: true, maxSockets: 512, timeout: 30_000 };

/** Runs of characters as long as tokens, secret ids and wrapped keys: a server or a proxy before it may echo what it was sent. */
const SECRET_LIKE = /[A-Za-z0-9+/=_.-]{20,}/g;

interface Sockets {
  /** Of which state of the TLS files they are. */
  readonly stamp: string;
  readonly agent: Promise<HttpAgent>;
}

/** Speaks to Vault or OpenBao over HTTP/1.1. TLS files are read again when they change; connections under way keep the old ones. */
export class VaultHttp implements VaultServer {
  readonly #url: URL;
  readonly #connection: VaultConnection;
  readonly #agents = new Set<HttpAgent>();
  #sockets: Sockets | undefined;

  constructor(connection: VaultConnection) {
    this.#url = new URL(connection.address);
    this.#connection = connection;
  }

  async send(request: VaultRequest, signal: AbortSignal): Promise<unknown> {
    const agent = await this.#agent();
    signal.throwIfAborted();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const outgoing = this.#start(request, { agent, signal, bytes: body?.length });
    outgoing.on('error', () => undefined); // `once` and the reading of the answer report it
    outgoing.once('close', () => body?.fill(0));
    const answered = once(outgoing, 'response', { signal });
    outgoing.end(body);
    const [incoming] = (await answered) as [IncomingMessage];
    return answerOf(request, incoming, await readBounded(incoming));
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
    this.#agents.clear();
    this.#sockets = undefined;
  }

  #start(request: VaultRequest, options: RequestOptions & { readonly bytes: number | undefined }): ClientRequest {
    const { method, path, token } = request;
    const { namespace } = this.#connection;
    const { bytes, ...rest } = options;
    const headers = {
      accept: 'application/json',
      'user-agent': 'keyside',
      'x-vault-request': 'true',
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes }),
    };
    const start = this.#url.protocol === 'https:' ? startHttps : startHttp;
    return start(new URL(`/v1/${path}`, this.#url), { ...rest, method, headers });
  }

  async #agent(): Promise<HttpAgent> {
    const stamp = await this.#stamp();
    if (this.#sockets?.stamp === stamp) return this.#sockets.agent;
    const sockets = { stamp, agent: this.#open() };
    this.#sockets = sockets;
    try {
      return await sockets.agent;
    } catch (error) {
      if (this.#sockets === sockets) this.#sockets = undefined;
      throw error;
    }
  }

  async #open(): Promise<HttpAgent> {
    const agent = this.#url.protocol === 'https:' ? await this.#tlsAgent() : new HttpAgent(SOCKET_OPTIONS);
    for (const old of this.#agents) {
      if (Object.keys(old.sockets).length > 0) continue;
      old.destroy();
      this.#agents.delete(old);
    }
    this.#agents.add(agent);
    return agent;
  }

  async #tlsAgent(): Promise<HttpAgent> {
    const { caFile, clientCertificateFile, clientKeyFile } = this.#connection;
    const [ca, cert, key] = await Promise.all([caFile, clientCertificateFile, clientKeyFile].map(readOptional));
    const secureContext = createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    return new HttpsAgent({ ...SOCKET_OPTIONS, secureContext, rejectUnauthorized: true });
  }

  /** Changes whenever one of the TLS files does; costs a `stat` each. */
  async #stamp(): Promise<string> {
    const { caFile, clientCertificateFile, clientKeyFile } = this.#connection;
    const files = [caFile, clientCertificateFile, clientKeyFile].filter((name) => name !== undefined);
    const facts = await Promise.all(files.map((name) => stat(name)));
    return facts.map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`).join(', ');
  }
}

async function readOptional(name: string | undefined): Promise<string | undefined> {
  return name === undefined ? undefined : readFile(name, 'utf8');
}

/** @throws {OddAnswer} beyond 64 KiB; the rest is not read */
async function readBounded(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > MAX_ANSWER_BYTES) throw new OddAnswer(`an answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString('utf8');
  for (const part of [...chunks, bytes]) part.fill(0);
  return text;
}

function answerOf(request: VaultRequest, { statusCode: status = 0, headers }: IncomingMessage, text: string): unknown {
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess && text === '') return undefined;
  const json = jsonOf(text);
  if (!isSuccess) {
    const retryAfter = Number(headers['retry-after']);
    throw new VaultRefusal(request, {
      status,
      says: tidy(errorsOf(json)),
      ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterMs: retryAfter * 1_000 } : {}),
    });
  }
  if (json === undefined) throw new OddAnswer('an answer is not JSON');
  return json;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // a proxy's page, or nothing: the status tells
  }
}

function errorsOf(json: unknown): string {
  const errors = typeof json === 'object' && json !== null && 'errors' in json ? json.errors : undefined;
  return Array.isArray(errors) ? errors.filter((error) => typeof error === 'string').join('; ') : '';
}

function tidy(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(SECRET_LIKE, '…').slice(0, MAX_SAYS_CHARACTERS);
}
