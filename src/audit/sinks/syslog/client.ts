import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { SinkError, type SinkFailure } from '../../sink.ts';
import type { SyslogSinkSettings } from './config.ts';

const TIMEOUT_MS = 30_000;
/** How long after the last octet a receiver that refuses us may take to end, in milliseconds. */
const REFUSAL_MS = 500;

/** Sends octets to a receiver over a TLS connection of their own. */
export class SyslogClient {
  readonly #settings: SyslogSinkSettings;
  readonly #timeoutMs: number;
  #session: Buffer | undefined;

  constructor(settings: SyslogSinkSettings, timeoutMs = TIMEOUT_MS) {
    this.#settings = settings;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Opens a connection, sends, says that this was all and waits until the receiver has closed too: syslog has no acknowledgement, but
   * a receiver that ends in good order has read everything before the end.
   * @throws {SinkError}
   */
  async send(octets: Uint8Array, signal: AbortSignal): Promise<void> {
    const options = await this.#options();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]);
    try {
      await exchange(options, { octets, signal: limit, keep: (session) => (this.#session = session) });
    } catch (cause) {
      const { host, port } = this.#settings;
      const isLate = limit.aborted && !signal.aborted;
      const why = isLate ? `not taken within ${this.#timeoutMs} ms` : codeOf(cause);
      throw new SinkError(failureOf(cause), `${host}:${port}: ${why}`, { cause });
    }
  }

  async #options(): Promise<ConnectionOptions> {
    const { host, port, serverName, caFile, certificateFile, privateKeyFile } = this.#settings;
    const [ca, cert, key] = await Promise.all([caFile, certificateFile, privateKeyFile].map(readIfGiven));
    return {
      host,
      port,
      servername: serverName ?? (isAddress(host) ? '' : host),
      minVersion: 'TLSv1.2',
      // Else a variable of the environment could let strangers have the records.
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
  }
}

interface Exchange {
  readonly octets: Uint8Array;
  readonly signal: AbortSignal;
  readonly keep: (session: Buffer) => void;
}

function exchange(options: ConnectionOptions, { octets, signal, keep }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(options);
    const abort = (): void => {
      socket.destroy(new Error('aborted'));
    };
    let [isSecure, hasSaidAll, hasEnded] = [false, false, false];
    let timer: NodeJS.Timeout | undefined;
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    socket.on('session', keep);
    socket.on('secureConnect', () => {
      isSecure = true;
      // Whoever does not want us says so by ending at once, which must not pass for the end of one who has read everything.
      socket.write(octets, () => {
        timer = setTimeout(() => {
          hasSaidAll = true;
          socket.end();
        }, REFUSAL_MS);
      });
    });
    socket.on('data', () => undefined); // a receiver has nothing to say; reading shows its end
    socket.on('end', () => {
      hasEnded = hasSaidAll;
      if (!hasSaidAll) socket.destroy(closedEarly());
    });
    socket.on('error', (error) => reject(isSecure && codeOf(error) === 'ECONNRESET' ? closedEarly(error) : error));
    socket.on('close', (hadError) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      if (hasEnded && !hadError && socket.bytesWritten >= octets.length) resolve();
      else reject(closedEarly());
    });
  });
}

/** With TLS 1.3 the receiver judges our certificate after the handshake, and may say nothing. */
function closedEarly(cause?: unknown): Error {
  return new Error('the connection was closed by the receiver before its end: does it accept our certificate?', { cause });
}

async function readIfGiven(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (cause) {
    throw new SinkError('misconfigured', `${file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

/** Codes of certificates that do not fit, ours or theirs, as OpenSSL and Node have them. */
const CERTIFICATE = /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO|BAD_CERTIFICATE|UNKNOWN_CA/;
/** The receiver turned our certificate away, or misses one. */
const TURNED_AWAY = /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/;

function failureOf(error: unknown): SinkFailure {
  const code = codeOf(error);
  if (TURNED_AWAY.test(code)) return 'unauthorized';
  return CERTIFICATE.test(code) ? 'misconfigured' : 'unreachable';
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$|:/.test(host);
}
