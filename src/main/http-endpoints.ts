import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keepRoom } from '../core/connection-room.ts';
import type { MetricsHandler } from './otel-prometheus.ts';

/** A probe is short; slow or many clients must not cost the daemon more than a few connections for a few seconds. */
const DEFAULT_LIMITS = { requestTimeoutMs: 5000, maxConnections: 64 } as const;
const CHECK_INTERVAL_MS = 1000;
const MAX_HEADER_BYTES = 8 * 1024;

/** Not imported: for an import Node evaluates all that the module has, its own WebSocket client too, which takes 13 MiB and 45 ms. */
const { createServer } = process.getBuiltinModule('node:http');

export interface HttpEndpointsOptions {
  /** The address to listen on. It may be the pod's: what is served names no tenant unless configured. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** False while starting and while draining. It must not depend on any KMS: a customer's outage is no reason to restart a pod. */
  readonly isReady: () => boolean;
  /** Absent where Prometheus's exporter is off: `/metrics` then says how to switch it on. */
  readonly metricsHandler?: MetricsHandler | undefined;
  readonly limits?: Partial<HttpLimits>;
}

interface HttpLimits {
  /** How long a client may take to send a request, to take the answer, or to keep an idle connection. Default 5 s. */
  readonly requestTimeoutMs: number;
  /** At the limit who holds most of them loses the one that idles for longest, so that a probe always gets in. Default 64. */
  readonly maxConnections: number;
}

export interface HttpEndpoints {
  readonly port: number;
  /** Takes no new connections and closes those there are. */
  close(): Promise<void>;
}

/**
 * Serves `/livez` (200 as long as the process serves), `/readyz` (200 or 503) and `/metrics` over HTTP, for GET and HEAD alone.
 * @throws where it cannot listen there
 */
export async function startHttpEndpoints(options: HttpEndpointsOptions): Promise<HttpEndpoints> {
  const { requestTimeoutMs, maxConnections } = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createServer(
    {
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, requestTimeoutMs),
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => answer(request, response, options),
  );
  server.timeout = requestTimeoutMs;
  keepRoom(server, maxConnections);
  await listen(server, options);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function answer(request: IncomingMessage, response: ServerResponse, options: HttpEndpointsOptions): void {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const path = request.url?.split('?', 1)[0];
  if (isRead && path === '/metrics' && options.metricsHandler !== undefined) {
    options.metricsHandler(request, response);
    return;
  }
  if (!isRead) response.setHeader('allow', 'GET, HEAD').setHeader('connection', 'close');
  const [status, text] = isRead ? replyAt(path, options.isReady) : ([405, 'only GET and HEAD are served'] as const);
  // To HEAD the server sends the headers alone.
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function replyAt(path: string | undefined, isReady: () => boolean): readonly [status: number, text: string] {
  if (path === '/livez') return [200, 'ok'];
  if (path === '/readyz') return isReady() ? [200, 'ok'] : [503, 'not ready: starting or draining'];
  if (path === '/metrics') return [404, 'metrics are off: set OTEL_METRICS_EXPORTER=prometheus'];
  return [404, 'not found: /livez, /readyz and /metrics are served'];
}

async function listen(server: Server, { host, port }: HttpEndpointsOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Stays: a connection that cannot be accepted later on (no file descriptors left) must not end the process.
  server.on('error', reject);
  server.listen({ host, port }, resolve);
  await promise;
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
