import type { Clock } from '../core/clock.ts';
import { KeysideError } from '../core/errors.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { KeyDirectory } from '../kms/guarded-key.ts';
import type { Timer } from '../kms/timer.ts';
import type { DataKeyCacheState, DataKeyEviction, Metrics } from '../telemetry/telemetry.ts';
import { BlockWriter } from './block-writer.ts';
import { type CacheLimits, DataKeyCache } from './data-key-cache.ts';
import { Epochs } from './epochs.ts';
import type { HeldKey, OpenedBy, Whose } from './held-keys.ts';
import { KeyReader } from './key-reader.ts';
import { KeyWriter } from './key-writer.ts';
import { type Lease, LeaseTable } from './lease-table.ts';

export interface KeyRingParts {
  readonly keys: KeyDirectory;
  /** For lifetimes of data keys. */
  readonly clock: Clock;
  /** For waiting. */
  readonly timer: Timer;
  readonly metrics: Metrics;
  readonly limits: CacheLimits;
}

/** What a confirmed revocation is about: a key configuration as a whole, or one version of its key. */
export interface Revoked extends OpenedBy {
  readonly isVersionOnly: boolean;
}

/**
 * All data keys in this process: those for reading, the leases for writing, and what makes them go. Whatever leaves is zeroed.
 * A confirmed revocation, from whichever call it is learned, takes effect at once for everything that the key opened.
 */
export class KeyRing {
  readonly reader: KeyReader;
  readonly writer: KeyWriter;
  readonly #parts: KeyRingParts;
  readonly #cache: DataKeyCache;
  readonly #leases: LeaseTable;
  readonly #epochs = new Epochs();
  #tellRevoked: (revoked: Revoked) => void = () => undefined;

  constructor(parts: KeyRingParts) {
    this.#parts = parts;
    const { keys, clock, timer, metrics } = parts;
    this.#cache = new DataKeyCache(parts.limits, (eviction, count) => metrics.dataKeyEvicted(eviction, count));
    this.#leases = new LeaseTable(parts.limits.maxEntries);
    const epochs = this.#epochs;
    const onFailure = (error: unknown, by: OpenedBy): void => this.learn(error, by);
    this.reader = new KeyReader({ cache: this.#cache, keys, clock, timer, metrics, onFailure, epochs });
    const blocks = new BlockWriter({ keys, clock, onFailure });
    this.writer = new KeyWriter({ leases: this.#leases, cache: this.#cache, blocks, clock, metrics, epochs });
    metrics.observeDataKeys(() => this.state());
  }

  /** What a KMS's failure means for the data keys in memory: a confirmed revocation ends them, anything else does nothing. */
  learn(error: unknown, by: OpenedBy): void {
    if (!(error instanceof KeysideError) || error.reason !== 'KEY_REVOKED') return;
    const revoked = { ...by, isVersionOnly: error.details.scope === 'version' && by.keyVersion !== '' };
    this.dropRevoked(revoked);
    this.#tellRevoked(revoked);
  }

  /** `tell` is told of every revocation that a call of this process learns. */
  onRevoked(tell: (revoked: Revoked) => void): void {
    this.#tellRevoked = tell;
  }

  /** Forgets whatever a revoked key opened. */
  dropRevoked({ configurationId, keyVersion, isVersionOnly }: Revoked): void {
    this.#epochs.configurationDropped(configurationId);
    this.writer.forgetRewraps((memo) => memo.configurationIds.includes(configurationId));
    const isOpenedBy = (opened: OpenedBy): boolean =>
      opened.configurationId === configurationId && (!isVersionOnly || opened.keyVersion === keyVersion);
    this.#drop('revoked', { configurationId }, ({ openedBy }) => openedBy.some(isOpenedBy));
  }

  /** Forgets a tenant's data keys, or those that one of its configurations opened. Returns how many there were. */
  dropTenant(tenantId: TenantId, options: { configurationId?: KeyConfigurationId; eviction?: DataKeyEviction } = {}): number {
    const { configurationId, eviction = 'dropped' } = options;
    const concerns = (id: KeyConfigurationId): boolean => configurationId === undefined || id === configurationId;
    this.#epochs.tenantDropped(tenantId);
    this.#cache.forgetRefusals(tenantId);
    this.writer.forgetRewraps((memo) => memo.tenantId === tenantId);
    return this.#drop(eviction, { tenantId }, ({ openedBy }) => openedBy.some((by) => concerns(by.configurationId)));
  }

  /** Zeroes what has outlived its time. To be called about once a second. */
  sweep(): void {
    const nowMs = this.#parts.clock.nowMs();
    this.#cache.drop('expired', 'all', (entry) => entry.keepUntilMs <= nowMs);
    this.#dropLeases('expired', 'all', (lease) => nowMs - lease.provenAtMs >= lease.ttlMs);
  }

  state(): DataKeyCacheState {
    const oldest = this.#cache.oldestProofMs();
    return {
      entries: this.#cache.size,
      bytes: this.#cache.bytes,
      leases: this.#leases.size,
      oldestAgeMs: oldest === undefined ? 0 : this.#parts.clock.nowMs() - oldest,
    };
  }

  /** Zeroes everything. What is still running has its own copies until it ends, and leaves none here. */
  close(): void {
    this.#epochs.allDropped();
    this.#drop('shutdown', 'all', () => true);
  }

  #drop(eviction: DataKeyEviction, whose: Whose, matches: (held: HeldKey) => boolean): number {
    return this.#cache.drop(eviction, whose, matches) + this.#dropLeases(eviction, whose, matches);
  }

  #dropLeases(eviction: DataKeyEviction, whose: Whose, matches: (lease: Lease) => boolean): number {
    const count = this.#leases.drop(whose, matches);
    if (count > 0) this.#parts.metrics.dataKeyEvicted(eviction, count);
    return count;
  }
}
