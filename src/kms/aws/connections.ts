import type { AwsConnection, AwsKms } from './aws-kms.ts';

interface Opener {
  open(connection: AwsConnection): AwsKms;
  close(): void;
}

interface Shared {
  readonly kms: AwsKms;
  users: number;
}

/**
 * Keys of one region with the same credentials share a connection: thousands of tenants need no thousand TLS handshakes. The SDK is
 * loaded with the first key that is used.
 */
export class AwsConnections {
  readonly #load: () => Promise<Opener>;
  readonly #shared = new Map<string, Shared>();
  #opener: Promise<Opener> | undefined;

  constructor(load: () => Promise<Opener>) {
    this.#load = load;
  }

  /** Every `acquire` is followed by one `release` of the same connection. */
  async acquire(connection: AwsConnection): Promise<AwsKms> {
    this.#opener ??= this.#load();
    const opener = await this.#opener;
    const name = nameOf(connection);
    const shared = this.#shared.get(name) ?? { kms: opener.open(connection), users: 0 };
    shared.users += 1;
    this.#shared.set(name, shared);
    return shared.kms;
  }

  /** With the last connection go the sockets. */
  async release(connection: AwsConnection): Promise<void> {
    const name = nameOf(connection);
    const shared = this.#shared.get(name);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#shared.delete(name);
    if (this.#shared.size === 0) (await this.#opener)?.close();
  }
}

/** Paths and names only: no secret is in it. */
function nameOf({ region, endpoint, credentials }: AwsConnection): string {
  return JSON.stringify([region, endpoint ?? '', credentials]);
}
