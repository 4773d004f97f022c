import type { AzureConnection, AzureVault } from './azure-kms.ts';

export type OpenVault = (connection: AzureConnection) => Promise<AzureVault>;

interface Shared {
  readonly vault: Promise<AzureVault>;
  users: number;
}

/**
 * Keys of one vault with the same credentials share a connection, and so its tokens. The SDK is loaded with the first key that is
 * used.
 */
export class AzureConnections {
  readonly #load: () => Promise<OpenVault>;
  readonly #shared = new Map<string, Shared>();

  constructor(load: () => Promise<OpenVault>) {
    this.#load = load;
  }

  /** Every `acquire` that succeeds is followed by one `release` of the same connection. */
  async acquire(connection: AzureConnection): Promise<AzureVault> {
    const name = nameOf(connection);
    const shared = this.#shared.get(name) ?? { vault: this.#open(connection), users: 0 };
    shared.users += 1;
    this.#shared.set(name, shared);
    try {
      return await shared.vault;
    } catch (error) {
      this.#leave(name, shared);
      throw error;
    }
  }

  /** With its last user a connection is let go, and its credentials with it. */
  release(connection: AzureConnection): void {
    const name = nameOf(connection);
    const shared = this.#shared.get(name);
    if (shared !== undefined) this.#leave(name, shared);
  }

  async #open(connection: AzureConnection): Promise<AzureVault> {
    const openVault = await this.#load();
    return openVault(connection);
  }

  #leave(name: string, shared: Shared): void {
    shared.users -= 1;
    if (shared.users === 0 && this.#shared.get(name) === shared) this.#shared.delete(name);
  }
}

/** Paths and names only: no secret is in it. */
function nameOf({ vaultUrl, authorityHost, tenantId, credentials, isEmulator, caFile }: AzureConnection): string {
  return JSON.stringify([vaultUrl, authorityHost, tenantId, credentials, isEmulator, caFile]);
}
