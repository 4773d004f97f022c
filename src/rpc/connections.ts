import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/** Until a connection has said in TLS and in HTTP/2 what it is. */
const GREETING_MS = 10_000;
/** A connection on which nothing happens for so long is closed; a client opens another when it has something to say. */
const IDLE_MS = 15 * 60_000;

/**
 * Streams that are open on all connections together, beside those of the calls that were let in: a client that does not read that it
 * was refused keeps its streams open. A connection that opens one more is closed.
 */
const MAX_REFUSED_STREAMS = 8_192;

export interface ConnectionLimits {
  /** Of all listeners together. */
  readonly maxConnections: number;
  readonly maxConcurrentCalls: number;
}

/** Fields of grpc-js's server that it does not publish. */
interface ServerInside {
  readonly commonServerOptions?: { handshakeTimeout?: number };
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>;
}

/**
 * Bounds how long a TLS handshake may take. To be called before binding.
 * @returns false where this grpc-js is made otherwise; then Node's own two minutes hold
 */
export function boundHandshakes(server: Server): boolean {
  const { commonServerOptions } = server as unknown as ServerInside;
  if (typeof commonServerOptions !== 'object') return false;
  commonServerOptions.handshakeTimeout = GREETING_MS;
  return true;
}

/**
 * Bounds what connections take by being there. To be called after binding.
 * @returns false where this grpc-js is made otherwise; then only calls are bounded
 */
export function boundConnections(server: Server, limits: ConnectionLimits): boolean {
  const { http2Servers } = server as unknown as ServerInside;
  if (!(http2Servers instanceof Map)) return false;
  const connections = new Connections(limits);
  for (const each of http2Servers.keys()) {
    // Turned away before anything is made for them; on several listeners, `accept` counts them together.
    each.maxConnections = limits.maxConnections;
    each.on('session', (session: ServerHttp2Session) => connections.accept(session));
    each.on('stream', (stream: ServerHttp2Stream) => connections.open(stream));
  }
  return http2Servers.size > 0;
}

class Connections {
  readonly #limits: ConnectionLimits;
  #connections = 0;
  #streams = 0;
  readonly #closed = (): void => {
    this.#streams -= 1;
  };

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  accept(session: ServerHttp2Session): void {
    this.#connections += 1;
    const greeting = setTimeout(() => session.destroy(), GREETING_MS).unref();
    session.once('close', () => {
      clearTimeout(greeting);
      this.#connections -= 1;
    });
    session.once('remoteSettings', () => {
      clearTimeout(greeting);
      // Lets the streams that are open end first.
      session.setTimeout(IDLE_MS, () => session.close());
    });
    if (this.#connections > this.#limits.maxConnections) session.destroy();
  }

  open(stream: ServerHttp2Stream): void {
    this.#streams += 1;
    stream.once('close', this.#closed);
    if (this.#streams > MAX_REFUSED_STREAMS + this.#limits.maxConcurrentCalls) stream.session?.destroy();
  }
}
