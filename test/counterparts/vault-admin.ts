import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VaultAuth } from '../../src/kms/vault/config.ts';
import { ROOT_TOKEN } from './vault-openbao.ts';

type Data = Readonly<Record<string, unknown>>;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: Data | undefined;
  readonly token?: string;
}

/** What a customer does in its own Vault: the administrator's side, which Keyside never takes. */
export class VaultAdmin {
  readonly url: string;
  readonly #namespace: string | undefined;
  readonly #folders: string[];

  constructor(url: string, namespace?: string, folders: string[] = []) {
    this.url = url;
    this.#namespace = namespace;
    this.#folders = folders;
  }

  /** The answer, whatever its status. */
  async ask({ method, path, body, token = ROOT_TOKEN }: Asked): Promise<{ readonly status: number; readonly json: Data }> {
    const headers = {
      'x-vault-token': token,
      ...(this.#namespace === undefined ? {} : { 'x-vault-namespace': this.#namespace }),
    };
    const answer = await fetch(`${this.url}/v1/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, json: text === '' ? {} : JSON.parse(text) };
  }

  /** The answer's data or auth. Fails unless it is a success. */
  async do(method: string, path: string, body?: Data): Promise<Data> {
    const { status, json } = await this.ask({ method, path, body });
    assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(json.errors)}`);
    return (json.data ?? json.auth ?? {}) as Data;
  }

  async setUp(): Promise<void> {
    await this.do('POST', 'sys/mounts/transit', { type: 'transit' });
    await this.do('POST', 'transit/config/keys', { disable_upsert: true });
    await this.do('POST', 'sys/auth/approle', { type: 'approle' });
  }

  async namespace(name: string): Promise<VaultAdmin> {
    await this.do('POST', `sys/namespaces/${name}`, {});
    const admin = new VaultAdmin(this.url, name, this.#folders);
    await admin.setUp();
    return admin;
  }

  async createKey(settings: Data = {}): Promise<string> {
    const name = `key-${randomUUID()}`;
    await this.do('POST', `transit/keys/${name}`, settings);
    return name;
  }

  async softDelete(name: string): Promise<void> {
    await this.do('DELETE', `transit/keys/${name}/soft-delete`);
  }

  async restore(name: string): Promise<void> {
    await this.do('POST', `transit/keys/${name}/soft-delete-restore`, {});
  }

  async rotate(name: string): Promise<void> {
    await this.do('POST', `transit/keys/${name}/rotate`, {});
  }

  async decryptFrom(name: string, version: number): Promise<void> {
    await this.do('POST', `transit/keys/${name}/config`, { min_decryption_version: version });
  }

  async delete(name: string): Promise<void> {
    await this.do('POST', `transit/keys/${name}/config`, { deletion_allowed: true });
    await this.do('DELETE', `transit/keys/${name}`);
  }

  async writePolicy(name: string, policy: string): Promise<void> {
    await this.do('POST', `sys/policies/acl/${name}`, { policy });
  }

  /** A role of AppRole with this policy, and files of its two ids. */
  async appRole(policy: string, settings: Data = {}): Promise<Extract<VaultAuth, { method: 'approle' }>> {
    const role = `role-${randomUUID()}`;
    await this.do('POST', `auth/approle/role/${role}`, { token_policies: [policy], token_ttl: '20m', ...settings });
    const { role_id } = await this.do('GET', `auth/approle/role/${role}/role-id`);
    const { secret_id } = await this.do('POST', `auth/approle/role/${role}/secret-id`, {});
    const [roleIdFile, secretIdFile] = [await this.file(`${role_id}\n`), await this.file(`${secret_id}\n`)];
    return { method: 'approle', roleIdFile, secretIdFile, mount: 'approle' };
  }

  async token(policy: string, settings: Data = {}): Promise<string> {
    const { client_token } = await this.do('POST', 'auth/token/create', { policies: [policy], ttl: '20m', ...settings });
    return String(client_token);
  }

  async tokenFile(policy: string, settings: Data = {}): Promise<Extract<VaultAuth, { method: 'token-file' }>> {
    return { method: 'token-file', file: await this.file(await this.token(policy, settings)) };
  }

  async file(text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'keyside-vault-'));
    this.#folders.push(folder);
    const file = join(folder, 'credential');
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }

  async close(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

/** What deploy/policies/vault grants, for keys named so; `*` at the end stands for any. */
export function policyFor(...keyNames: readonly string[]): string {
  return keyNames
    .map(
      (name) => `path "transit/encrypt/${name}" {
  capabilities        = ["update"]
  required_parameters = ["plaintext", "associated_data"]
}
path "transit/decrypt/${name}" { capabilities = ["update"] }
path "transit/keys/${name}" { capabilities = ["read"] }
`,
    )
    .join('');
}
