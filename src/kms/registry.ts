import { LRUCache } from 'lru-cache';
import type { Cipher } from '../cipher/cipher.ts';
import { KeysideError } from '../core/errors.ts';
import { type KeyConfigurationId, parseKeyConfigurationId } from '../core/ids.ts';
import type { ProviderName } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { awsSettingsSchema } from './aws/config.ts';
import { awsProvider } from './aws/provider.ts';
import { azureSettingsSchema } from './azure/config.ts';
import { azureProvider } from './azure/provider.ts';
import { gcpSettingsSchema } from './gcp/config.ts';
import { gcpProvider } from './gcp/provider.ts';
import { DEFAULT_GUARD_LIMITS, Guard, type GuardLimits, type GuardTools } from './guard.ts';
import type { GuardedKey, KeyDirectory, KeySpec } from './guarded-key.ts';
import { kmipSettingsSchema } from './kmip/config.ts';
import { kmipProvider } from './kmip/provider.ts';
import type { KmsKey, KmsProvider } from './kms.ts';
import { localSettingsSchema } from './local/config.ts';
import { localProvider } from './local/provider.ts';
import { pkcs11SettingsSchema } from './pkcs11/config.ts';
import { pkcs11Provider } from './pkcs11/provider.ts';
import { SharedQuota } from './shared-quota.ts';
import { vaultSettingsSchema } from './vault/config.ts';
import { vaultProvider } from './vault/provider.ts';

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

/** One line a provider. What it loads of its vendor's SDK, it loads with the first use of a key. */
function openers({ cipher, timer, originKeys }: RegistryTools): ReadonlyMap<string, Opener> {
  const byName = {
    local: opener(localProvider(cipher), localSettingsSchema),
    aws: opener(awsProvider(), awsSettingsSchema),
    azure: opener(azureProvider({ originKeys, clock: timer }), azureSettingsSchema),
    gcp: opener(gcpProvider(), gcpSettingsSchema),
    kmip: opener(kmipProvider(), kmipSettingsSchema),
    pkcs11: opener(pkcs11Provider({ timer, originKeys }), pkcs11SettingsSchema),
    vault: opener(vaultProvider(timer), vaultSettingsSchema),
  };
  return new Map(Object.entries(byName));
}

/** Settings are checked once more where they enter: the configuration floor hands them over as `unknown`. */
function opener<Settings>(provider: KmsProvider<Settings>, schema: { parse(settings: unknown): Settings }): Opener {
  const open = (id: KeyConfigurationId, unchecked: unknown): OpenedKey => {
    const settings = schema.parse(unchecked);
    return { key: provider.open(id, settings), quotaName: provider.sharedQuota?.(settings) };
  };
  return { name: provider.name, open };
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
  readonly #openers: ReadonlyMap<string, Opener>;
  readonly #keys = new LRUCache<string, Entry>({ max: MAX_OPEN_KEYS, dispose: ({ guard }) => guard.retire() });

  /** By provider and name. A key keeps its own: one that is forgotten here is shared no more, and nothing worse. */
  readonly #quotas = new LRUCache<string, SharedQuota>({ max: MAX_OPEN_KEYS });

  constructor(tools: RegistryTools) {
    this.#tools = tools;
    this.#openers = openers(tools);
  }

  /** @throws {KeysideError} KEY_MISCONFIGURED where there is no such provider or its settings are not as its schema demands */
  key(spec: KeySpec): GuardedKey {
    const known = this.#keys.get(spec.id);
    if (known?.fingerprint === spec.fingerprint) return known.guard;
    const guard = this.#open(spec);
    this.#keys.set(spec.id, { fingerprint: spec.fingerprint, guard });
    return guard;
  }

  /** Closes every key at once; calls under way end with KMS_UNAVAILABLE. */
  async closeAll(): Promise<void> {
    const guards = [...this.#keys.values()].map(({ guard }) => guard);
    await Promise.all(guards.map((guard) => guard.close()));
    this.#keys.clear();
  }

  #open({ id, provider: name, settings }: KeySpec): Guard {
    const found = this.#openers.get(name);
    if (found === undefined) throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: there is no provider ${name}`);
    const { timer, metrics, random, limits = DEFAULT_GUARD_LIMITS } = this.#tools;
    const { key, quotaName } = openChecked(found, id, settings);
    const quota = quotaName === undefined ? undefined : this.#quota(`${found.name} ${quotaName}`);
    return new Guard({ id, provider: found.name, key, quota }, { timer, metrics, random }, limits);
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
