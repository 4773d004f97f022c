import { type Clock, systemClock } from '../../core/clock.ts';
import { ciphertextRejected, isWeather, KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { WRAP_ALGORITHMS } from '../../core/providers.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import { type Payload, rsaPayload } from '../payload.ts';
import type { AzureVault } from './azure-kms.ts';
import { type Asked, AzureCalls, type Call } from './calls.ts';
import type { AzureSettings } from './config.ts';
import { AzureConnections } from './connections.ts';
import { failureOf, keysideError, loadError, unwrapFailureOf } from './errors.ts';
import { checkFacts, describeDeletion, describeFacts } from './key-facts.ts';
import { isSameKey } from './key-identifier.ts';
import { type AzureTarget, targetOf } from './target.ts';
import { WrappingVersion } from './wrapping-version.ts';

interface AzureTools {
  /** Secrets of the deployment, of which the first seals and every one opens. Without one, keys say so when they are used. */
  readonly originKeys?: readonly SecretBytes[] | undefined;
  readonly clock?: Clock;
}

/** Azure Key Vault and Managed HSM: RSA keys; the service wraps the 64-byte payload (docs/format.md, section 3) by RSA-OAEP-256. */
export function azureProvider({ originKeys = [], clock = systemClock() }: AzureTools = {}): KmsProvider<AzureSettings> {
  const payload = originKeys.length === 0 ? undefined : rsaPayload(originKeys);
  const connections = new AzureConnections(async () => {
    const { openVault } = await import('./client.ts').catch((cause: unknown) => {
      throw loadError(cause);
    });
    return openVault;
  });
  return {
    name: 'azure',
    open: (id, settings) => new AzureKey({ id, target: targetOf(settings), connections, payload, clock }),
    // Azure counts transactions by vault.
    sharedQuota: ({ vaultUrl }) => new URL(vaultUrl).origin,
  };
}

interface AzureKeyOptions {
  readonly id: KeyConfigurationId;
  readonly target: AzureTarget;
  readonly connections: AzureConnections;
  readonly payload: Payload | undefined;
  readonly clock: Clock;
}

type VersionCall<Reply> = Call<Reply> & { readonly version: string };

class AzureKey implements KmsKey {
  /** Anyone who has the public key can wrap, and Azure lets even a disabled key do it. */
  readonly provenByWrap = false;
  readonly #options: AzureKeyOptions;
  readonly #calls: AzureCalls;
  readonly #wrapping: WrappingVersion;

  constructor(options: AzureKeyOptions) {
    this.#options = options;
    this.#calls = new AzureCalls(options);
    this.#wrapping = new WrappingVersion({ ...options, calls: this.#calls });
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    using sealed = this.#payload().seal(dataKey, context);
    return await this.#calls.run(signal, async (asked) => {
      const version = this.#wrapping.remembered ?? (await this.#wrapping.resolve(asked));
      const asking = { keyName: this.#options.target.keyName, version };
      const make = (vault: AzureVault) => vault.wrapKey({ ...asking, signal: asked.signal }, sealed);
      const { by, ciphertext } = await this.#ask({ version, make }, asked);
      if (by === undefined || !isSameKey(by, asking)) throw this.#unreadable();
      return { algorithm: WRAP_ALGORITHMS.rsaOaep256, keyVersion: by.version, ciphertext };
    });
  }

  /** The recorded version, under the vault and name of the configuration. */
  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    const { keyVersion: version, ciphertext } = wrapped;
    if (!this.accepts(wrapped)) throw ciphertextRejected('the configuration does not accept the stored Azure key version');
    const opener = this.#payload();
    const asking = { keyName: this.#options.target.keyName, version };
    return await this.#calls.run(signal, async (asked) => {
      const make = (vault: AzureVault) => vault.unwrapKey({ ...asking, signal: asked.signal }, ciphertext);
      const { by, payload } = await this.#ask({ version, judge: unwrapFailureOf, make }, asked);
      using secret = payload;
      if (by === undefined) throw this.#unreadable();
      if (!isSameKey(by, asking)) throw ciphertextRejected('another Azure key unwrapped than the one that was asked');
      return opener.open(secret.expose(), context);
    });
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    const { keyName, keyVersion: version } = this.#options.target;
    return await this.#calls.run(signal, async (asked) => {
      try {
        const facts = await asked.vault.getKey({ keyName, version, signal: asked.signal });
        checkFacts(this.#options.id, facts);
        return describeFacts(facts);
      } catch (error) {
        if (error instanceof KeysideError) throw error;
        return await this.#describeRefused(error, asked);
      }
    });
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return algorithm === WRAP_ALGORITHMS.rsaOaep256 && this.#options.target.accepts(keyVersion);
  }

  async close(): Promise<void> {
    await this.#calls.close();
  }

  /** A version that was refused is the newest no longer, perhaps: the proof of a lease finds out what wrapping under it does not. */
  async #ask<Reply>(call: VersionCall<Reply>, asked: Asked): Promise<Reply> {
    try {
      return await this.#calls.ask(call, asked);
    } catch (error) {
      if (!isWeather(error)) this.#wrapping.forget(call.version);
      throw error;
    }
  }

  /** A key that is disabled or deleted has a state all the same. */
  async #describeRefused(error: unknown, { vault, signal }: Asked): Promise<KeyDescription> {
    const failure = failureOf(error);
    if (failure.code === 'KeyDisabled') return { state: 'disabled', detail: 'disabled; the vault shows nothing else of it' };
    const { target, id } = this.#options;
    const deletion = failure.confirm === 'deleted' ? await vault.getDeletion(target.keyName, signal) : undefined;
    if (deletion !== undefined) return describeDeletion(deletion);
    throw keysideError(id, failure, error);
  }

  #payload(): Payload {
    const { payload, id } = this.#options;
    if (payload !== undefined) return payload;
    const says = 'RSA keys need a secret of the deployment: configure originKeyFiles';
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: ${says}`);
  }

  #unreadable(): KeysideError {
    return new KeysideError('KMS_UNAVAILABLE', `key ${this.#options.id}: the answer is not one of Azure, or names another key`);
  }
}
