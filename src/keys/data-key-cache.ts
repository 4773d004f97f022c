import { LRUCache } from 'lru-cache';
import type { KeysideError } from '../core/errors.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { DataKeyEviction } from '../telemetry/telemetry.ts';

/** Which configuration and version of a key opened (part of) a data key. */
export interface OpenedBy {
  readonly configurationId: KeyConfigurationId;
  readonly keyVersion: string;
}

/** A data key in memory. The cache owns it and zeroes it. */
export interface CachedDataKey {
  readonly dataKey: SecretBytes;
  readonly tenantId: TenantId;
  readonly openedBy: readonly OpenedBy[];
  /** When the call was sent that last proved the key. */
  readonly provenAtMs: number;
  /** When the entry leaves memory at the latest; nearer once the KMS refused to prove the key again. */
  keepUntilMs: number;
  /** When the last attempt to prove the key again failed for weather; undefined where it did not. */
  unreachableAtMs: number | undefined;
}

/** A KMS's no, remembered for a moment. */
interface Refusal {
  readonly error: KeysideError;
  readonly tenantId: TenantId;
  readonly untilMs: number;
}

export interface CacheLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** How long a refusal is remembered, so that a refused block does not hammer the KMS. */
  readonly negativeTtlMs: number;
}

/** What an entry is reckoned at: key, bookkeeping and map slots. */
const ENTRY_BYTES = 512;
const MAX_REFUSALS = 10_000;

/**
 * Data keys by cache key, bounded in entries and bytes, least recently used first out; and recent refusals by the same key. Whatever
 * leaves is zeroed at once. Lifetimes are judged by who asks: the cache only keeps and drops.
 */
export class DataKeyCache {
  readonly #entries: LRUCache<string, CachedDataKey>;
  readonly #byConfiguration = new Map<KeyConfigurationId, Set<string>>();
  readonly #refusals = new LRUCache<string, Refusal>({ max: MAX_REFUSALS });
  readonly #negativeTtlMs: number;
  readonly #onEvicted: (eviction: DataKeyEviction, count: number) => void;

  constructor(limits: CacheLimits, onEvicted: (eviction: DataKeyEviction, count: number) => void) {
    this.#negativeTtlMs = limits.negativeTtlMs;
    this.#onEvicted = onEvicted;
    this.#entries = new LRUCache({
      max: limits.maxEntries,
      maxSize: Math.max(ENTRY_BYTES, limits.maxBytes),
      sizeCalculation: () => ENTRY_BYTES,
      dispose: (entry, key, reason) => {
        entry.dataKey.wipe();
        this.#unindex(key, entry);
        if (reason === 'evict') onEvicted('capacity', 1);
      },
    });
  }

  get(key: string): CachedDataKey | undefined {
    return this.#entries.get(key);
  }

  /** Takes over the entry's data key; an entry under the same key is zeroed. */
  set(key: string, entry: CachedDataKey): void {
    this.#refusals.delete(key);
    this.#entries.set(key, entry);
    for (const { configurationId } of entry.openedBy) {
      const keys = this.#byConfiguration.get(configurationId);
      if (keys === undefined) this.#byConfiguration.set(configurationId, new Set([key]));
      else keys.add(key);
    }
  }

  /** The refusal remembered for this key, while it lasts. */
  refusal(key: string, nowMs: number): KeysideError | undefined {
    const refusal = this.#refusals.get(key);
    if (refusal === undefined) return undefined;
    if (nowMs < refusal.untilMs) return refusal.error;
    this.#refusals.delete(key);
    return undefined;
  }

  refuse(key: string, refusal: Omit<Refusal, 'untilMs'>, nowMs: number): void {
    if (this.#negativeTtlMs > 0) this.#refusals.set(key, { ...refusal, untilMs: nowMs + this.#negativeTtlMs });
  }

  forgetRefusals(tenantId: TenantId): void {
    for (const [key, refusal] of [...this.#refusals.entries()]) {
      if (refusal.tenantId === tenantId) this.#refusals.delete(key);
    }
  }

  /** Zeroes every entry that `matches`. Returns how many there were. */
  drop(eviction: DataKeyEviction, matches: (entry: CachedDataKey) => boolean): number {
    return this.#dropKeys(eviction, [...this.#entries.keys()], matches);
  }

  /** As `drop`, among what one configuration opened: costs nothing for the others. */
  dropOpenedBy(
    configurationId: KeyConfigurationId,
    eviction: DataKeyEviction,
    matches: (entry: CachedDataKey) => boolean,
  ): number {
    return this.#dropKeys(eviction, [...(this.#byConfiguration.get(configurationId) ?? [])], matches);
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  #dropKeys(eviction: DataKeyEviction, keys: readonly string[], matches: (entry: CachedDataKey) => boolean): number {
    let count = 0;
    for (const key of keys) {
      const entry = this.#entries.peek(key);
      if (entry !== undefined && matches(entry) && this.#entries.delete(key)) count += 1;
    }
    if (count > 0) this.#onEvicted(eviction, count);
    return count;
  }

  #unindex(key: string, entry: CachedDataKey): void {
    for (const { configurationId } of entry.openedBy) {
      const keys = this.#byConfiguration.get(configurationId);
      keys?.delete(key);
      if (keys?.size === 0) this.#byConfiguration.delete(configurationId);
    }
  }

  oldestProofMs(): number | undefined {
    let oldest: number | undefined;
    for (const entry of this.#entries.values()) {
      if (oldest === undefined || entry.provenAtMs < oldest) oldest = entry.provenAtMs;
    }
    return oldest;
  }
}
