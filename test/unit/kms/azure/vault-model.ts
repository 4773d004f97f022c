import { constants, generateKeyPairSync, type KeyObject, privateDecrypt, publicEncrypt, randomUUID } from 'node:crypto';
import { keyBundle, kidOf } from './azure-samples.ts';
import { type StubAnswer, type StubRequest, vaultError } from './azure-stub.ts';

interface Version {
  readonly version: string;
  readonly key: KeyObject;
  enabled: boolean;
}

/** Making RSA keys takes its time, and which of a few it is does not matter as long as neighbours differ. */
const POOL = Array.from({ length: 4 }, () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;
const NOT_FOUND = vaultError('KeyNotFound', 'A key with (name/id) … was not found in this key vault.', 404);

/**
 * As much of Key Vault as the contract needs, with real RSA. A model of ours: it proves nothing about Azure. It lets a disabled version
 * wrap no more than unwrap, as an emulator does and Azure does not. What it does not model fails loudly.
 */
export class VaultModel {
  readonly #keys = new Map<string, Version[]>();
  readonly #deleted = new Set<string>();
  #made = 0;

  addVersion(name: string): string {
    const version = randomUUID().replaceAll('-', '');
    const key = POOL[this.#made % POOL.length] as KeyObject;
    this.#made += 1;
    this.#keys.set(name, [...(this.#keys.get(name) ?? []), { version, key, enabled: true }]);
    return version;
  }

  setEnabled(name: string, enabled: boolean): void {
    for (const version of this.#keys.get(name) ?? []) version.enabled = enabled;
  }

  delete(name: string): void {
    this.#deleted.add(name);
  }

  answer({ operation, path, body }: StubRequest): StubAnswer {
    const [, , name = '', id = ''] = path.split('/');
    const versions = this.#keys.get(name) ?? [];
    if (operation === 'deletedkey') return this.#deleted.has(name) ? this.#bundle(name, versions.at(-1)) : NOT_FOUND;
    if (this.#deleted.has(name) || versions.length === 0) return NOT_FOUND;
    if (operation === 'versions') return list(name, versions);
    const version = id === '' ? versions.at(-1) : versions.find((each) => each.version === id);
    if (version === undefined) return NOT_FOUND;
    if (operation === 'key') return this.#bundle(name, version);
    if (!version.enabled) return vaultError('Forbidden/KeyDisabled', `Operation ${operation} is not allowed on a disabled key.`);
    return worked({ key: version.key, kid: kidOf(version.version, name) }, operation, body);
  }

  #bundle(name: string, version: Version | undefined): StubAnswer {
    const kid = kidOf(version?.version ?? '', name);
    const { body } = keyBundle({ key: { kid }, attributes: { enabled: version?.enabled } });
    return { body: this.#deleted.has(name) ? { ...body, recoveryId: kid, deletedDate: 1, scheduledPurgeDate: 2 } : body };
  }
}

function list(name: string, versions: readonly Version[]): StubAnswer {
  return { body: { value: versions.map(({ version, enabled }) => ({ kid: kidOf(version, name), attributes: { enabled } })) } };
}

interface Work {
  readonly key: KeyObject;
  readonly kid: string;
}

function worked({ key, kid }: Work, operation: string, { alg, value }: StubRequest['body']): StubAnswer {
  if (alg !== 'RSA-OAEP-256') return { status: 501, body: `the model does not know the algorithm ${String(alg)}` };
  const bytes = Buffer.from(String(value), 'base64url');
  const result = operation === 'wrapkey' ? publicEncrypt({ key, ...OAEP }, bytes) : unwrapped(key, bytes);
  if (result === undefined) return vaultError('BadParameter', 'The parameter is incorrect.', 400);
  return { body: { kid, value: result.toString('base64url') } };
}

function unwrapped(key: KeyObject, bytes: Buffer): Buffer | undefined {
  try {
    return privateDecrypt({ key, ...OAEP }, bytes);
  } catch {
    return undefined; // as the caller will say it, in Azure's way
  }
}
