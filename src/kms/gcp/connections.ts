import { KeysideError } from '../../core/errors.ts';
import type { GcpConnection, GcpKms } from './gcp-kms.ts';

/** A channel that is open, and the means to close it. */
export interface GcpChannel extends GcpKms {
  close(): void;
}

interface Opener {
  open(connection: GcpConnection): Promise<GcpChannel>;
}

interface Shared {
  readonly channel: Promise<GcpChannel>;
  users: number;
}

/**
 * Keys with the same endpoint and credentials share a channel (one HTTP/2 connection, one access token): thousands of tenants need no
 * thousand TLS handshakes. The SDK is loaded with the first key that is used.
 */
export class GcpConnections {
  readonly #load: () => Promise<Opener>;
  readonly #shared = new Map<string, Shared>();
  #opener: Promise<Opener> | undefined;

  constructor(load: () => Promise<Opener>) {
    this.#load = load;
  }

  /** Every `acquire` that succeeded is followed by one `release` of the same connection. A failure is not kept. */
  async acquire(connection: GcpConnection): Promise<GcpKms> {
    const name = nameOf(connection);
    const shared = this.#shared.get(name) ?? { channel: this.#open(connection), users: 0 };
    shared.users += 1;
    this.#shared.set(name, shared);
    try {
      return await shared.channel;
    } catch (error) {
      if (this.#shared.get(name) === shared) this.#shared.delete(name);
      throw error;
    }
  }

  /** With its last user goes the channel. */
  async release(connection: GcpConnection): Promise<void> {
    const name = nameOf(connection);
    const shared = this.#shared.get(name);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#shared.delete(name);
    (await shared.channel).close();
  }

  async #open(connection: GcpConnection): Promise<GcpChannel> {
    this.#opener ??= this.#load().catch((cause: unknown) => {
      this.#opener = undefined;
      throw notInstalled(cause);
    });
    return (await this.#opener).open(connection);
  }
}

/** Paths and names only: no secret is in it. */
function nameOf({ endpoint, credentials }: GcpConnection): string {
  return JSON.stringify([endpoint ?? '', credentials]);
}

function notInstalled(cause: unknown): unknown {
  const isMissing = cause instanceof Error && 'code' in cause && /^(?:ERR_)?MODULE_NOT_FOUND$/.test(String(cause.code));
  if (!isMissing) return cause;
  const says = 'the packages of Google Cloud KMS are not installed; install them with `npm install @google-cloud/kms@6.3.0`';
  return new KeysideError('KEY_MISCONFIGURED', says, { cause });
}
