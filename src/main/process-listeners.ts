import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { DaemonConfig } from '../config/daemon-config.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { ListenerKind } from '../rpc/listen.ts';
import { bindUnixSocket, cannotListen } from '../rpc/unix-socket.ts';
import { type Bound, hostPort } from './running-sidecar.ts';

/** Takes a connection of which nothing was read. */
export type TakeConnection = (socket: Socket, listener: ListenerKind) => void;

export interface ProcessListeners {
  readonly bound: Bound;
  /** Takes no more connections, and removes the Unix socket. */
  close(): void;
}

/**
 * Listens for all processes: only here, so that what is wrong with an address is said once and a process that ends takes no listener
 * with it. Speaks no TLS: that, and the private key for it, is left to the process that gets the connection.
 * @throws {Error} naming the address or file that cannot be used
 */
export async function listenForProcesses(
  { tcp, unixPath }: Pick<DaemonConfig['listen'], 'tcp' | 'unixPath'>,
  take: TakeConnection,
): Promise<ProcessListeners> {
  const servers: Server[] = [];
  const close = (): void => {
    for (const server of servers) server.close();
  };
  const listen = async (listener: ListenerKind, at: ListenOptions): Promise<Server> => {
    // Paused: the first bytes are for the process to read.
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      // A client may be gone before it is handed over; the socket closes by itself.
      socket.on('error', () => undefined);
      take(socket, listener);
    });
    server.listen(at);
    await once(server, 'listening');
    // A connection that cannot be accepted (no file descriptors left) must not end the daemon.
    server.on('error', () => undefined);
    servers.push(server);
    return server;
  };
  try {
    const bound = tcp && (await listenTcp(tcp, (at) => listen('tcp', at)));
    if (unixPath !== undefined) await bindUnixSocket(unixPath, () => listenUnix(unixPath, (at) => listen('unix', at)));
    return { bound: { tcp: bound, unix: unixPath }, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Listens at every address of the name, as one process does: where one at least can be used, that is enough. */
async function listenTcp(address: ListenAddress, listen: (at: ListenOptions) => Promise<Server>): Promise<string> {
  let { port } = address;
  let isListening = false;
  let failure: unknown;
  try {
    for (const { address: host } of await lookup(address.host, { all: true })) {
      try {
        const server = await listen({ host, port });
        port = (server.address() as AddressInfo).port;
        isListening = true;
      } catch (error) {
        failure ??= error;
      }
    }
  } catch (error) {
    failure = error;
  }
  if (!isListening) throw cannotListen(hostPort(address), failure as Error);
  return hostPort({ ...address, port });
}

async function listenUnix(path: string, listen: (at: ListenOptions) => Promise<Server>): Promise<void> {
  try {
    await listen({ path });
  } catch (error) {
    throw cannotListen(path, error as Error);
  }
}
