import type { VaultSession } from './session.ts';
import type { VaultConnection } from './vault-server.ts';

interface Shared {
  readonly session: VaultSession;
  users: number;
}

/**
 * Keys of one server with the same credentials share sockets and a token: thousands of tenants need no thousand logins. The client is
 * loaded with the first key that is used.
 */
export class VaultConnections {
  readonly #load: () => Promise<(connection: VaultConnection) => VaultSession>;
  readonly #shared = new Map<string, Shared>();
  #open: Promise<(connection: VaultConnection) => VaultSession> | undefined;

  constructor(load: () => Promise<(connection: VaultConnection) => VaultSession>) {
    this.#load = load;
  }

  /** Every `acquire` is followed by one `release` of the same connection. */
  async acquire(connection: VaultConnection): Promise<VaultSession> {
    this.#open ??= this.#load();
    const open = await this.#open;
    const name = nameOf(connection);
    const shared = this.#shared.get(name) ?? { session: open(connection), users: 0 };
    shared.users += 1;
    this.#shared.set(name, shared);
    return shared.session;
  }

  /** The last one closes it. */
  release(connection: VaultConnection): void {
    const name = nameOf(connection);
    const shared = this.#shared.get(name);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#shared.delete(name);
    shared.session.close();
  }
}

function nameOf({ address, namespace, caFile, clientCertificateFile, clientKeyFile, auth }: VaultConnection): string {
  return JSON.stringify([address, namespace, caFile, clientCertificateFile, clientKeyFile, auth]);
}
