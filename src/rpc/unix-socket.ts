import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

const SOCKET_DIRECTORY_MODE = 0o750;
const SOCKET_MODE = 0o660;

/**
 * Makes way for a Unix socket that owner and group may use, has it bound, and sets its permissions. Makes its directory where it is
 * missing. A stale socket is removed once nobody answers there; anything else at the path is left alone and reported.
 * @param bind listens at `path`
 * @throws {Error} naming the path; what `bind` throws
 */
export async function bindUnixSocket(path: string, bind: () => Promise<void>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: SOCKET_DIRECTORY_MODE });
  await removeStale(path);
  // Between bind and chmod the socket must not be wider than it will be.
  const umask = process.umask(0o117);
  try {
    await bind();
  } finally {
    process.umask(umask);
  }
  chmodSync(path, SOCKET_MODE);
}

/** In words, why there can be no listening at `where`. */
export function cannotListen(where: string, cause: Error): Error {
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
