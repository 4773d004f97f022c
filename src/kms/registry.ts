import { LRUCache } from 'lru-cache';
import type { Cipher } from '../cipher/cipher.ts';
import { KeysideError } from '../core/errors.ts';
import { type KeyConfigurationId, parseKeyConfigurationId } from '../core/ids.ts';
import type { ProviderName } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { DEFAULT_GUARD_LIMITS, Guard, type GuardLimits, type GuardTools } from './guard.ts';
import type { GuardedKey, KeyDirectory, KeySpec } from './guarded-key.ts';
import type { KmsKey, KmsProvider } from './kms.ts';
import { SharedQuota } from './shared-quota.ts';

const MAX_OPEN_KEYS = 5_000;

interface RegistryTools extends GuardTools {
  readonly cipher: Cipher;
  /** Secrets of the deployment that RSA wraps are sealed with; the first seals, every one opens. */
  readonly originKeys?: readonly SecretBytes[];
  readonly limits?: GuardLimits;
}

interface Opener {
  readonly name: ProviderName;
  open(id: KeyConfigurationId, settings: unknown): OpenedKey;
}

interface OpenedKey {
  readonly key: KmsKey;
  readonly quotaName: string | undefined;
}

type Load = () => Promise<Opener>;

/** One entry a provider, loaded when a key of its kind is configured; its vendor's SDK follows with the first use of a key. */
function loaders({ cipher, timer, originKeys }: RegistryTools): ReadonlyMap<string, Load> {
  const byName: Record<ProviderName, Load> = {
    local: async () => opener((await import('./local/provider.ts')).localProvider(cipher)),
    aws: async () => opener((await import('./aws/provider.ts')).awsProvider()),
    azure: async () => opener((await import('./azure/provider.ts')).azureProvider({ originKeys, clock: timer })),
    gcp: async () => opener((await import('./gcp/provider.ts')).gcpProvider()),
    kmip: async () => opener((await import('./kmip/provider.ts')).kmipProvider()),
    pkcs11: async () => opener((await import('./pkcs11/provider.ts')).pkcs11Provider({ timer, originKeys })),
    vault: async () => opener((await import('./vault/provider.ts')).vaultProvider(timer)),
  };
  return new Map(Object.entries(byName));
}

function opener<Settings>(provider: KmsProvider<Settings>): Opener {
  const open = (id: KeyConfigurationId, checked: unknown): OpenedKey => {
    const settings = checked as Settings;
    return { key: provider.open(id, settings), quotaName: provider.sharedQuota?.(settings) };
  };
  return { name: provider.name, open };
}

/** Of the key of one configuration. */
export interface KeyBreaker {
  readonly id: string;
  readonly provider: ProviderName;
  readonly isOpen: boolean;
}

interface Entry {
  readonly fingerprint: string;
  readonly guard: Guard;
}

/**
 * The keys that are open, one for each configuration id. A configuration that changed is opened anew; the old key ends its calls and
 * is closed. Of more than 5,000 keys the one unused longest is closed.
 */
export class KeyRegistry implements KeyDirectory {
  readonly #tools: RegistryTools;
  readonly #loaders: ReadonlyMap<string, Load>;
  readonly #loading = new Map<string, Promise<void>>();
  readonly #openers = new Map<string, Opener>();
  readonly #keys = new LRUCache<string, Entry>({ max: MAX_OPEN_KEYS, dispose: ({ guard }) => guard.retire() });

  /** By provider and name. A key keeps its own: one that is forgotten here is shared no more, and nothing worse. */
  readonly #quotas = new LRUCache<string, SharedQuota>({ max: MAX_OPEN_KEYS });

  constructor(tools: RegistryTools) {
    this.#tools = tools;
    this.#loaders = loaders(tools);
  }

  /** Loads what opens keys of these providers. Names that are none are left to `key`, which refuses them. */
  async prepare(providers: Iterable<string>): Promise<void> {
    await Promise.all([...new Set(providers)].map((name) => this.#load(name)));
  }

  /**
   * Precondition: its provider was prepared, and its settings are as the provider's schema gives them: the configuration floor has
   * checked them.
   * @throws {KeysideError} KEY_MISCONFIGURED where there is no such provider or it can do nothing with the settings
   */
  key(spec: KeySpec): GuardedKey {
    const known = this.#keys.get(spec.id);
    if (known?.fingerprint === spec.fingerprint) return known.guard;
    const guard = this.#open(spec);
    this.#keys.set(spec.id, { fingerprint: spec.fingerprint, guard });
    return guard;
  }

  /** The breakers of the keys that are open here. Counts for no use of a key. */
  breakers(): KeyBreaker[] {
    return [...this.#keys.entries()].map(([id, { guard }]) => ({ id, provider: guard.provider, isOpen: guard.isBreakerOpen }));
  }

  /** Closes every key at once; calls under way end with KMS_UNAVAILABLE. */
  async closeAll(): Promise<void> {
    const guards = [...this.#keys.values()].map(({ guard }) => guard);
    await Promise.all(guards.map((guard) => guard.close()));
    this.#keys.clear();
  }

  #load(name: string): Promise<void> {
    const known = this.#loading.get(name);
    const load = this.#loaders.get(name);
    if (known !== undefined || load === undefined) return known ?? Promise.resolve();
    const loading = load().then((opener) => void this.#openers.set(name, opener));
    this.#loading.set(name, loading);
    return loading;
  }

  #open({ id, provider: name, settings }: KeySpec): Guard {
    const found = this.#openers.get(name);
    if (found === undefined && this.#loaders.has(name)) throw new Error(`provider ${name} was not prepared`);
    if (found === undefined) throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: there is no provider ${name}`);
    const { timer, metrics, random, watch, limits = DEFAULT_GUARD_LIMITS } = this.#tools;
    const { key, quotaName } = openChecked(found, id, settings);
    const quota = quotaName === undefined ? undefined : this.#quota(`${found.name} ${quotaName}`);
    return new Guard({ id, provider: found.name, key, quota }, { timer, metrics, random, watch }, limits);
  }

  #quota(name: string): SharedQuota {
    const known = this.#quotas.get(name);
    if (known !== undefined) return known;
    const quota = new SharedQuota(name, this.#tools.timer);
    this.#quotas.set(name, quota);
    return quota;
  }
}

function openChecked(found: Opener, id: string, settings: unknown): OpenedKey {
  try {
    return found.open(parseKeyConfigurationId(id), settings);
  } catch (cause) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: its settings are not valid`, { cause });
  }
}
