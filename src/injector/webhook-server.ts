import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { keepRoom } from '../core/connection-room.ts';
import { type Body, readBody } from './read-body.ts';

const PATH = '/mutate';
const MAX_HEADER_BYTES = 16 * 1024;
const CHECK_INTERVAL_MS = 1_000;
const DEFAULT_LIMITS: WebhookLimits = {
  maxBodyBytes: 4 * 2 ** 20,
  maxBytesInFlight: 64 * 2 ** 20,
  maxConnections: 256,
  requestTimeoutMs: 10_000,
  keepAliveMs: 95_000,
};

/** What the server proves itself by, PEM. */
export interface TlsCredentials {
  /** The certificate and its chain. */
  readonly certificate: string;
  readonly privateKey: string;
}

/** What clients can take of the server; whoever reaches the port is one. */
export interface WebhookLimits {
  /** Largest body. Default 4 MiB: API servers take objects of up to 3 MiB. */
  readonly maxBodyBytes: number;
  /** All bodies together; beyond it requests are answered 503. Default 64 MiB. */
  readonly maxBytesInFlight: number;
  /** At the limit who holds most of them loses the one that idles for longest: nobody is locked out. Default 256. */
  readonly maxConnections: number;
  /** How long a client may take to shake hands, to send a request, and to take the answer. Default 10 s. */
  readonly requestTimeoutMs: number;
  /** How long a connection may idle. Default 95 s; API servers keep theirs for 90: they, not we, let go, and no request is lost. */
  readonly keepAliveMs: number;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Answers the body of one request. Must not throw. */
export type AnswerBody = (body: string) => WebhookAnswer;

export interface WebhookServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly credentials: TlsCredentials;
  readonly mutate: AnswerBody;
  readonly limits?: Partial<WebhookLimits>;
}

export interface WebhookServer {
  readonly port: number;
  /**
   * Serves new connections with other credentials; those that are open keep theirs.
   * @throws where they are no certificate and its key, and then the present ones stay
   */
  exchange(credentials: TlsCredentials): void;
  /** Takes no new connections, answers what has arrived within the time, and closes all. */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves `POST /mutate` over TLS 1.2 and newer, to whoever asks: an API server shows no certificate unless it is told to, and
 * nothing that is answered is secret.
 * @throws where it cannot listen there, or the credentials are none
 */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const state: ServerState = { room: { bytes: limits.maxBytesInFlight }, isClosing: false };
  const server = createServer({
    ...pemOf(options.credentials),
    headersTimeout: limits.requestTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    handshakeTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.requestTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  server.on('request', (request, response) => void serve({ request, response, mutate: options.mutate, limits, state }));
  keepRoom(server, limits.maxConnections);
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    exchange: (credentials) => server.setSecureContext(pemOf(credentials)),
    close: (graceMs) => {
      state.isClosing = true;
      return close(server, graceMs);
    },
  };
}

function pemOf({ certificate, privateKey }: TlsCredentials): { readonly cert: string; readonly key: string } {
  return { cert: certificate, key: privateKey };
}

interface ServerState {
  /** What is left for bodies. */
  readonly room: { bytes: number };
  isClosing: boolean;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly mutate: AnswerBody;
  readonly limits: WebhookLimits;
  readonly state: ServerState;
}

async function serve({ request, response, mutate, limits, state }: Exchange): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  const refusal = refusalOf(request);
  if (refusal !== undefined) return refuse(response, ...refusal);
  const body = await readBody(request, { maxBytes: limits.maxBodyBytes, room: state.room });
  if (body.kind === 'gone') return;
  if (body.kind !== 'whole') return refuse(response, ...BODY_REFUSALS[body.kind]);
  if (state.isClosing) response.setHeader('connection', 'close');
  response.setTimeout(limits.requestTimeoutMs, () => response.destroy());
  send(response, mutate(body.text));
}

const BODY_REFUSALS: Readonly<Record<Exclude<Body['kind'], 'whole' | 'gone'>, readonly [status: number, text: string]>> = {
  'too-large': [413, 'the body is too large'],
  'no-room': [503, 'too many requests at once'],
  'no-text': [400, 'the body is not UTF-8'],
};

function refusalOf({ method, url, headers }: IncomingMessage): readonly [status: number, text: string] | undefined {
  if (url?.split('?', 1)[0] !== PATH) return [404, `not found: ${PATH} is served`];
  if (method !== 'POST') return [405, 'only POST is served'];
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' ? undefined : [415, 'the body must be application/json'];
}

/** What is left of a refused request is not read: the connection ends with the answer. */
function refuse(response: ServerResponse, status: number, text: string): void {
  if (status === 405) response.setHeader('allow', 'POST');
  response.setHeader('connection', 'close');
  send(response, { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` });
}

function send(response: ServerResponse, { status, contentType, body }: WebhookAnswer): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body);
}

async function listen(server: Server, { host, port }: WebhookServerOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Stays: a connection that cannot be accepted later on (no file descriptors left) must not end the process.
  server.on('error', reject);
  server.listen({ host, port }, resolve);
  await promise;
}

async function close(server: TlsServer, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // Idle connections are closed with the server.
  server.close(() => resolve());
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await promise;
  clearTimeout(timer);
}
