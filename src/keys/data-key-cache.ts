import { LRUCache } from 'lru-cache';
import type { KeysideError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { DataKeyEviction } from '../telemetry/telemetry.ts';
import { Groups, type HeldKey, HeldKeys, type Whose } from './held-keys.ts';

/** A data key for reading. The cache owns it and zeroes it. */
export interface CachedDataKey extends HeldKey {
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

const MAX_REFUSALS = 10_000;

/**
 * Data keys by cache key, bounded in entries and bytes, least recently used first out; and recent refusals by the same key. Whatever
 * leaves is zeroed at once. Lifetimes are judged by who asks: the cache only keeps and drops.
 */
export class DataKeyCache {
  readonly #entries: HeldKeys<CachedDataKey>;
  readonly #refusals: LRUCache<string, Refusal>;
  readonly #refusedOf = new Groups<TenantId>();
  readonly #negativeTtlMs: number;
  readonly #onEvicted: (eviction: DataKeyEviction, count: number) => void;

  constructor(limits: CacheLimits, onEvicted: (eviction: DataKeyEviction, count: number) => void) {
    this.#negativeTtlMs = limits.negativeTtlMs;
    this.#onEvicted = onEvicted;
    this.#entries = new HeldKeys({ ...limits, onCapacity: () => onEvicted('capacity', 1) });
    this.#refusals = new LRUCache<string, Refusal>({
      max: MAX_REFUSALS,
      dispose: ({ tenantId }, key) => this.#refusedOf.remove(tenantId, key),
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.bytes;
  }

  get(key: string): CachedDataKey | undefined {
    return this.#entries.get(key);
  }

  /** Takes over the entry's data key; an entry under the same key is zeroed. */
  set(key: string, entry: CachedDataKey): void {
    this.#refusals.delete(key);
    this.#entries.set(key, entry);
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
    if (this.#negativeTtlMs === 0) return;
    this.#refusals.set(key, { ...refusal, untilMs: nowMs + this.#negativeTtlMs });
    this.#refusedOf.add(refusal.tenantId, key);
  }

  forgetRefusals(tenantId: TenantId): void {
    for (const key of this.#refusedOf.of(tenantId)) this.#refusals.delete(key);
  }

  /** Zeroes every entry of these that `matches`. Returns how many there were. */
  drop(eviction: DataKeyEviction, whose: Whose, matches: (entry: CachedDataKey) => boolean): number {
    const count = this.#entries.drop(whose, matches);
    if (count > 0) this.#onEvicted(eviction, count);
    return count;
  }

  oldestProofMs(): number | undefined {
    let oldest: number | undefined;
    for (const { provenAtMs } of this.#entries.values()) {
      if (oldest === undefined || provenAtMs < oldest) oldest = provenAtMs;
    }
    return oldest;
  }
}
