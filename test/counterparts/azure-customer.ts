import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { ClientSecretCredential } from '@azure/identity';
import { CryptographyClient, KeyClient, type KeyClientOptions } from '@azure/keyvault-keys';
import { TENANT_ID } from '../unit/kms/azure/azure-samples.ts';
import { CUSTOMER, type Entra } from './azure-entra.ts';

interface Vault {
  readonly url: string;
  /** The certificates that vault and authority are trusted by. */
  readonly ca: string;
}

/** What a customer does in its own vault: the administrator's side, which Keyside never takes. */
export class AzureCustomer {
  readonly #vault: Vault;
  readonly #credential: ClientSecretCredential;
  readonly #options: KeyClientOptions;
  readonly #keys: KeyClient;

  constructor(vault: Vault, entra: Entra) {
    this.#vault = vault;
    const options = { tlsOptions: { ca: vault.ca }, retryOptions: { maxRetries: 0 } };
    const authority = { authorityHost: entra.url, disableInstanceDiscovery: true };
    this.#credential = new ClientSecretCredential(TENANT_ID, CUSTOMER.clientId, CUSTOMER.secret, { ...options, ...authority });
    this.#options = { ...options, disableChallengeResourceVerification: true };
    this.#keys = new KeyClient(vault.url, this.#credential, { ...this.#options });
  }

  /** The name of a fresh key. */
  async createKey(kind: 'RSA' | 'EC' = 'RSA', keyOps?: ('sign' | 'wrapKey')[]): Promise<string> {
    const name = `acme-${randomUUID()}`;
    await this.#keys.createKey(name, kind, keyOps === undefined ? {} : { keyOps });
    return name;
  }

  /** Enables or disables one version, or all there are. */
  async setEnabled(name: string, enabled: boolean, only?: string): Promise<void> {
    for (const version of only === undefined ? await this.versions(name) : [only]) {
      await this.#keys.updateKeyProperties(name, version, { enabled });
    }
  }

  async expire(name: string, version: string): Promise<void> {
    await this.#keys.updateKeyProperties(name, version, { expiresOn: new Date(Date.now() - 60_000) });
  }

  async versions(name: string): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { version } of this.#keys.listPropertiesOfKeyVersions(name)) found.push(version ?? '');
    return found;
  }

  /** The new version. */
  async rotate(name: string): Promise<string> {
    return (await this.#keys.rotateKey(name)).properties.version ?? '';
  }

  async delete(name: string): Promise<void> {
    await this.#keys.beginDeleteKey(name);
  }

  async purge(name: string): Promise<void> {
    await this.#keys.purgeDeletedKey(name);
  }

  /** A client for one version's own operations. */
  async cryptography(name: string): Promise<CryptographyClient> {
    const { id } = await this.#keys.getKey(name);
    const version = id?.split('/').at(-1);
    const local = `${this.#vault.url}/keys/${name}/${version}`;
    return new CryptographyClient({ name, id: local, properties: { name, vaultUrl: this.#vault.url } }, this.#credential, {
      ...this.#options,
    });
  }

  /** The emulator's own controls, e.g. `faults`. */
  async control(what: 'faults' | 'rbac' | 'permissions', body: object): Promise<void> {
    await this.call('POST', `/_emulator/${what}`, { body });
  }

  /** A bare request; the status of its answer. */
  async call(method: string, path: string, { body, token }: { body?: object; token?: string } = {}): Promise<number | undefined> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#vault.url}${path}`, { method, headers, ca: this.#vault.ca }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
