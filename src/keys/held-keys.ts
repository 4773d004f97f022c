import { LRUCache } from 'lru-cache';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';

/** Which configuration and version of a key opened (part of) a data key. */
export interface OpenedBy {
  readonly configurationId: KeyConfigurationId;
  readonly keyVersion: string;
}

/** A data key in memory, and whom it concerns. */
export interface HeldKey {
  readonly dataKey: SecretBytes;
  readonly tenantId: TenantId;
  readonly openedBy: readonly OpenedBy[];
}

/** Of which data keys: one tenant's, those that one configuration opened, or all. */
export type Whose = { readonly tenantId: TenantId } | { readonly configurationId: KeyConfigurationId } | 'all';

export interface HeldLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Told of each data key that had to go for another one. */
  readonly onCapacity: () => void;
}

/** What a data key is reckoned at: its bytes, bookkeeping and map slots. */
const ENTRY_BYTES = 512;

/**
 * Data keys by their key in a bounded map that owns them: least recently used first out, and whatever leaves is zeroed at once. What is
 * dropped of one tenant or configuration costs nothing for the others.
 */
export class HeldKeys<K extends HeldKey> {
  readonly #entries: LRUCache<string, K>;
  readonly #byTenant = new Groups<TenantId>();
  readonly #byConfiguration = new Groups<KeyConfigurationId>();

  constructor({ maxEntries, maxBytes, onCapacity }: HeldLimits) {
    this.#entries = new LRUCache<string, K>({
      max: maxEntries,
      maxSize: Math.max(ENTRY_BYTES, maxBytes),
      sizeCalculation: () => ENTRY_BYTES,
      dispose: (held, key, reason) => {
        held.dataKey.wipe();
        this.#byTenant.remove(held.tenantId, key);
        for (const { configurationId } of held.openedBy) this.#byConfiguration.remove(configurationId, key);
        if (reason === 'evict') onCapacity();
      },
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  values(): IterableIterator<K> {
    return this.#entries.values();
  }

  get(key: string): K | undefined {
    return this.#entries.get(key);
  }

  /** Takes over the data key; the one under the same key is zeroed. */
  set(key: string, held: K): void {
    this.#entries.set(key, held);
    this.#byTenant.add(held.tenantId, key);
    for (const { configurationId } of held.openedBy) this.#byConfiguration.add(configurationId, key);
  }

  /** Zeroes every one of them that `matches`. Returns how many there were. */
  drop(whose: Whose, matches: (held: K) => boolean): number {
    let count = 0;
    for (const key of this.#keysOf(whose)) {
      const held = this.#entries.peek(key);
      if (held !== undefined && matches(held) && this.#entries.delete(key)) count += 1;
    }
    return count;
  }

  #keysOf(whose: Whose): readonly string[] {
    if (whose === 'all') return [...this.#entries.keys()];
    return 'tenantId' in whose ? this.#byTenant.of(whose.tenantId) : this.#byConfiguration.of(whose.configurationId);
  }
}

/** Keys of a map by a group that they belong to. */
export class Groups<G> {
  readonly #members = new Map<G, Set<string>>();

  /** A copy: members may leave while it is gone through. */
  of(group: G): readonly string[] {
    return [...(this.#members.get(group) ?? [])];
  }

  add(group: G, key: string): void {
    const members = this.#members.get(group);
    if (members === undefined) this.#members.set(group, new Set([key]));
    else members.add(key);
  }

  remove(group: G, key: string): void {
    const members = this.#members.get(group);
    members?.delete(key);
    if (members?.size === 0) this.#members.delete(group);
  }
}
