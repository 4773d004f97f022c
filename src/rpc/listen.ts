import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { boundConnections, boundHandshakes, type ConnectionLimits } from './connections.ts';
import { widenConnectionWindows, widenStreamWindows } from './flow-control.ts';
import { bindUnixSocket, cannotListen } from './unix-socket.ts';

/** Where to listen; undefined: not there. */
export interface ListenAddresses {
  /** `host:port`; a routable host only with `tls`: the configuration's schema sees to that. */
  readonly tcp: string | undefined;
  /** Path of a Unix socket. */
  readonly unix: string | undefined;
  /** Certificates for mutual TLS on TCP; without them TCP is in clear. */
  readonly tls: TlsFiles | undefined;
}

interface TlsFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  /** Only clients with a certificate of this authority may connect. */
  readonly clientCaFile: string;
}

/**
 * Binds the server where the addresses say, with the ports that were given in place of 0. The Unix socket is guarded by its file
 * permissions and needs no TLS.
 * @throws {Error} naming the address or file that cannot be used
 */
export async function bindListeners(
  server: Server,
  listen: ListenAddresses,
  limits: ConnectionLimits,
): Promise<Pick<ListenAddresses, 'tcp' | 'unix'>> {
  widenStreamWindows(server);
  boundHandshakes(server);
  const tcp = listen.tcp === undefined ? undefined : await listenTcp(server, listen.tcp, tcpCredentials(listen.tls));
  if (listen.unix !== undefined) await listenUnix(server, listen.unix, ServerCredentials.createInsecure());
  widenConnectionWindows(server);
  boundConnections(server, limits);
  return { tcp, unix: listen.unix };
}

function tcpCredentials(tls: TlsFiles | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: readFileSync(tls.certificateFile), private_key: readFileSync(tls.privateKeyFile) };
  const requiresClientCertificate = true;
  return ServerCredentials.createSsl(readFileSync(tls.clientCaFile), [pair], requiresClientCertificate);
}

/** Binds the server to a TCP address and returns the one it got (port 0 asks for a free one). */
function listenTcp(server: Server, address: string, credentials: ServerCredentials): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error !== null) reject(cannotListen(address, error));
      else resolve(`${address.slice(0, address.lastIndexOf(':'))}:${port}`);
    });
  });
}

/** Binds the server to a Unix socket that owner and group may use. */
function listenUnix(server: Server, path: string, credentials: ServerCredentials): Promise<void> {
  return bindUnixSocket(path, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.bindAsync(`unix:${path}`, credentials, (error) => {
      if (error !== null) reject(cannotListen(path, error));
      else resolve();
    });
    return promise;
  });
}

/** The listener that took a connection: TCP's may be guarded by TLS, the Unix socket's never is. */
export type ListenerKind = 'tcp' | 'unix';

/** Connections that somebody else accepted. */
export interface HandedConnections {
  /** Serves one of which nothing has been read yet. */
  take(socket: Socket, kind: ListenerKind): void;
  /** Resolves when all have closed. The server, which did not accept them, does not wait for them when it shuts down. */
  closed(): Promise<void>;
}

/**
 * Has the server serve connections that it is handed.
 * @throws {Error} where a file of `tls` cannot be used
 */
export function serveHanded(server: Server, tls: TlsFiles | undefined, limits: ConnectionLimits): HandedConnections {
  widenStreamWindows(server);
  boundHandshakes(server);
  const injectors = {
    tcp: server.createConnectionInjector(tcpCredentials(tls)),
    unix: server.createConnectionInjector(ServerCredentials.createInsecure()),
  } as const satisfies Record<ListenerKind, unknown>;
  widenConnectionWindows(server);
  boundConnections(server, limits);
  const open = new Set<Socket>();
  return {
    take(socket, kind) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      injectors[kind].injectConnection(socket);
    },
    async closed() {
      await Promise.all([...open].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    },
  };
}
