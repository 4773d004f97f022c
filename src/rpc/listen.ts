import { chmodSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { widenConnectionWindows, widenStreamWindows } from './flow-control.ts';

const SOCKET_DIRECTORY_MODE = 0o750;
const SOCKET_MODE = 0o660;

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
export async function bindListeners(server: Server, listen: ListenAddresses): Promise<Pick<ListenAddresses, 'tcp' | 'unix'>> {
  widenStreamWindows(server);
  const tcp = listen.tcp === undefined ? undefined : await listenTcp(server, listen.tcp, tcpCredentials(listen.tls));
  if (listen.unix !== undefined) await listenUnix(server, listen.unix, ServerCredentials.createInsecure());
  widenConnectionWindows(server);
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

/**
 * Binds the server to a Unix socket that owner and group may use; makes its directory where it is missing. A stale socket is removed
 * once nobody answers there; anything else at the path is left alone and reported.
 */
async function listenUnix(server: Server, path: string, credentials: ServerCredentials): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: SOCKET_DIRECTORY_MODE });
  await removeStale(path);
  // Between bind and chmod the socket must not be wider than it will be.
  const umask = process.umask(0o117);
  try {
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${path}`, credentials, (error) => {
        if (error !== null) reject(cannotListen(path, error));
        else resolve();
      });
    });
  } finally {
    process.umask(umask);
  }
  chmodSync(path, SOCKET_MODE);
}

function cannotListen(where: string, cause: Error): Error {
  const says = cause.message.includes('EADDRINUSE') ? 'another process listens there' : cause.message;
  return new Error(`cannot listen on ${where}: ${says}`, { cause });
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new Error(`cannot listen on ${path}: something that is not a socket is there`);
  if (await answers(path)) throw new Error(`cannot listen on ${path}: another process answers there`);
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Only these two say that nobody listens: a full queue or a forbidden socket is somebody's.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
