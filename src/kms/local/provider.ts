import type { Cipher } from '../../cipher/cipher.ts';
import { ciphertextRejected, KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { WRAP_ALGORITHMS } from '../../core/providers.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import type { LocalSettings } from './config.ts';
import type { StoredKey } from './stored-key.ts';
import { openDataKey, SALT_BYTES, sealDataKey } from './wrapping.ts';

/** A version of a software key as it is stored: 1, 2, 3, … */
const KEY_VERSION = /^[1-9][0-9]{0,8}$/;

/** Software keys in files: for development, for a vendor's own small installation, and for trying Keyside out. */
export function localProvider(cipher: Cipher): KmsProvider<LocalSettings> {
  return {
    name: 'local',
    open: (id, { storeFile }) => new LocalKey({ id, storeFile, cipher }),
  };
}

interface LocalKeyOptions {
  readonly id: KeyConfigurationId;
  readonly storeFile: string;
  readonly cipher: Cipher;
}

/** Reads the file at every call: its state is always the present one, as with a KMS far away. */
class LocalKey implements KmsKey {
  readonly provenByWrap = true;
  readonly isUnwrapHedged = false;
  readonly #options: LocalKeyOptions;
  #isClosed = false;

  constructor(options: LocalKeyOptions) {
    this.#options = options;
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    using stored = await this.#enabledKey(signal);
    const { version, key } = stored.current;
    const { cipher } = this.#options;
    const ciphertext = sealDataKey({ cipher, kek: key, context }, dataKey, cipher.random(SALT_BYTES));
    return { algorithm: WRAP_ALGORITHMS.local, keyVersion: String(version), ciphertext };
  }

  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    using stored = await this.#enabledKey(signal);
    const version = stored.find(wrapped.keyVersion);
    if (version === undefined) throw ciphertextRejected('the local key store has no such version');
    const dataKey = openDataKey({ cipher: this.#options.cipher, kek: version.key, context }, wrapped.ciphertext);
    if (dataKey === undefined) throw ciphertextRejected('the wrap is not one of this key and context');
    return dataKey;
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    using stored = await this.#key(signal);
    const { id, state, current } = stored;
    return { state, detail: `software key ${id}, ${state}, version ${current.version} of ${current.createdAt}` };
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return algorithm === WRAP_ALGORITHMS.local && KEY_VERSION.test(keyVersion);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #enabledKey(signal: AbortSignal): Promise<StoredKey> {
    const stored = await this.#key(signal);
    if (stored.state === 'enabled') return stored;
    stored[Symbol.dispose]();
    throw new KeysideError('KEY_REVOKED', `key ${this.#options.id}: its local key store says that it is disabled`, {
      details: { scope: 'key' },
    });
  }

  async #key(signal: AbortSignal): Promise<StoredKey> {
    signal.throwIfAborted();
    this.#checkOpen();
    const { readKey } = await import('./store.ts');
    const stored = await readKey(this.#options.storeFile);
    try {
      signal.throwIfAborted();
      this.#checkOpen();
      return stored;
    } catch (error) {
      stored[Symbol.dispose]();
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new KeysideError('KMS_UNAVAILABLE', `key ${this.#options.id} was closed`);
  }
}
