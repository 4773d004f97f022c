import type { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { connect, createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { KmipConnection } from './connection.ts';
import type { KmipCredential } from './messages.ts';

/** Where a KMIP server is and how the daemon proves who it is: what decides whether two keys can share connections. */
export interface KmipTarget {
  readonly host: string;
  readonly port: number;
  /** The name that the server's certificate must bear, where it is not `host`. */
  readonly servername?: string | undefined;
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly credential?: { readonly usernameFile: string; readonly passwordFile: string } | undefined;
}

/** The files are there, and are not what they should be. */
class UnusableCertificate extends Error {
  override readonly name = 'UnusableCertificate';
  readonly code = 'ERR_KMIP_CERTIFICATE';
}

/** Closed after so long without use: a firewall between forgets a connection without saying so. */
const IDLE_MS = 60_000;

/**
 * Opens a connection over mutual TLS. The files are read for each, so that new ones count from the next connection on. The server's
 * certificate is verified against `caFile` and nothing else.
 */
export async function openConnection(target: KmipTarget, signal: AbortSignal): Promise<KmipConnection> {
  signal.throwIfAborted();
  const { host, port, servername, caFile, certificateFile, keyFile } = target;
  const [ca, cert, key] = await Promise.all([caFile, certificateFile, keyFile].map((file) => readFile(file, { signal })));
  const credential = await readCredential(target, signal);
  try {
    const secureContext = contextOf({ ca, cert, key });
    key?.fill(0);
    const name = servername === undefined ? {} : { servername };
    const socket = connect({ host, port, ...name, secureContext, rejectUnauthorized: true });
    await untilSecure(socket, signal);
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    return new KmipConnection(socket, credential);
  } catch (error) {
    credential?.password.wipe();
    throw error;
  }
}

/** OpenSSL names some of these faults by a code, some in words only. */
function contextOf(files: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>): SecureContext {
  try {
    return createSecureContext({ ...files, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new UnusableCertificate('the certificates or the private key cannot be used', { cause });
  }
}

async function untilSecure(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  const onClose = (): void => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
  socket.once('secureConnect', resolve).once('error', reject).once('close', onClose);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await promise;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.off('secureConnect', resolve).off('error', reject).off('close', onClose);
  }
}

async function readCredential({ credential }: KmipTarget, signal: AbortSignal): Promise<KmipCredential | undefined> {
  if (credential === undefined) return undefined;
  const username = withoutNewline(await readFile(credential.usernameFile, { signal })).toString('utf8');
  const content = await readFile(credential.passwordFile, { signal });
  const password = SecretBytes.copyOf(withoutNewline(content));
  content.fill(0);
  return { username, password };
}

/** Editors end a file with a line break; it is no part of what the file holds. */
function withoutNewline(content: Buffer): Buffer {
  const end = content.at(-1) === 0x0a ? content.length - 1 : content.length;
  return content.subarray(0, content[end - 1] === 0x0d && end < content.length ? end - 1 : end);
}
