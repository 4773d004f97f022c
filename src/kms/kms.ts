import type { WrapContext } from '../core/encryption-context.ts';
import type { KeyConfigurationId } from '../core/ids.ts';
import type { ProviderName, WrapAlgorithm } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';

/** A data key (or share) as a KMS wrapped it, ready for a key block. */
export interface Wrapped {
  readonly algorithm: WrapAlgorithm;
  /** Which version of the key wrapped it; at most 64 bytes; empty where the provider has none. */
  readonly keyVersion: string;
  readonly ciphertext: Uint8Array;
}

export interface WrapRequest {
  /** 32 bytes. Stays the caller's; the provider neither keeps nor wipes it. */
  readonly dataKey: SecretBytes;
  readonly context: WrapContext;
}

export interface UnwrapRequest {
  readonly wrapped: Wrapped;
  readonly context: WrapContext;
}

export interface GeneratedDataKey {
  readonly dataKey: SecretBytes;
  readonly wrapped: Wrapped;
}

/** A key's state as its KMS states it. */
export type KeyState = 'enabled' | 'disabled' | 'pending-deletion' | 'destroyed' | 'unknown';

export interface KeyDescription {
  readonly state: KeyState;
  /** In the KMS's own words, for people; nothing secret. */
  readonly detail: string;
}

/**
 * One tenant's key in its KMS or HSM: one key configuration, opened.
 *
 * Every method may be called concurrently, ends early when `signal` aborts, retries nothing (the guard does), logs nothing and
 * throws `KeysideError` only, with one of:
 * KEY_REVOKED (state confirmed with the KMS; `details.scope` is `key`, or `version` where only that version is refused),
 * KEY_ACCESS_DENIED (a refusal whose cause is not confirmed), KEY_NOT_FOUND, KEY_MISCONFIGURED, KMS_THROTTLED, KMS_UNAVAILABLE,
 * KMS_TIMEOUT, and CIPHERTEXT_REJECTED (unwrap: altered bytes, other context or other key).
 */
export interface KmsKey {
  /** Wraps 32 bytes, bound to the context. */
  wrap(request: WrapRequest, signal: AbortSignal): Promise<Wrapped>;

  /** The 32 bytes again; the result is the caller's to wipe. Precondition: the key `accepts` the wrap. */
  unwrap(request: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes>;

  /** A fresh data key made by the KMS and its wrap, in one call. Absent where the service has no such call. */
  generate?(context: WrapContext, signal: AbortSignal): Promise<GeneratedDataKey>;

  /** The key's state. Never throws KEY_REVOKED: a revoked key is a state. */
  describe(signal: AbortSignal): Promise<KeyDescription>;

  /**
   * Whether a stored wrap's algorithm and version are ones this configuration accepts. Pure: asks nobody. What is stored never
   * steers where the daemon goes (docs/format.md, section 3).
   */
  accepts(wrapped: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean;

  /** Whether a successful wrap or generate shows that the KMS holds the key. False for public keys, where anyone can wrap. */
  readonly provenByWrap: boolean;

  /** False where a slow unwrap must not be asked for a second time beside the first, as at an HSM that works one by one. Default true. */
  readonly isUnwrapHedged?: boolean;

  /** Lets go of connections and secrets. Running calls end with KMS_UNAVAILABLE. */
  close(): Promise<void>;
}

/** A kind of KMS: builds keys from configurations that its own schema (`config.ts`) has checked. */
export interface KmsProvider<Configuration> {
  readonly name: ProviderName;
  /** Opens a key without asking the KMS; loads the vendor's SDK on first use of the key, not before. */
  open(id: KeyConfigurationId, configuration: Configuration): KmsKey;
  /**
   * Names the limit on requests that the key uses up together with all keys of which this gives the same, e.g. an account's in a
   * region. Absent where there is none.
   */
  sharedQuota?(configuration: Configuration): string;
}
