import type { KeyBlock } from '../envelope/key-block.ts';
import type { LabelPolicy } from '../tenants/tenant.ts';
import { type HeldKey, HeldKeys, type Whose } from './held-keys.ts';

/** A lease in use is followed by a new one when this part of any of its limits is used up. */
const RENEW_AT = 0.8;
/** How often a lease near its end tries to be followed while its KMS does not do its part, in milliseconds. */
const RENEWAL_RETRY_MS = 1_000;

/** A data key that encrypts documents of one tenant, key configuration and label. The table owns it. */
export interface Lease extends HeldKey {
  readonly keyBlock: KeyBlock;
  readonly provenAtMs: number;
  readonly ttlMs: number;
  documents: number;
  bytes: number;
  /** When a new lease was last asked for while this one was in use. */
  renewalTriedAtMs: number | undefined;
}

/** Leases by their key, one each, bounded in number: the least recently used ends first. Whatever leaves is zeroed. */
export class LeaseTable {
  readonly #leases: HeldKeys<Lease>;

  constructor(maxLeases: number) {
    this.#leases = new HeldKeys({ maxEntries: maxLeases, maxBytes: Number.MAX_SAFE_INTEGER, onCapacity: () => undefined });
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Takes over the lease's data key; the one it follows ends. */
  put(key: string, lease: Lease): void {
    this.#leases.set(key, lease);
  }

  /** Counts one document of `bytes` under the lease and returns it, or undefined where its limits are reached. */
  take(key: string, use: { policy: LabelPolicy; bytes: number; nowMs: number }): Lease | undefined {
    const lease = this.#leases.get(key);
    if (lease === undefined) return undefined;
    const { policy, bytes, nowMs } = use;
    // The first document always fits: a limit below one document would otherwise refuse every write.
    const fits =
      lease.documents === 0 || (lease.documents < policy.leaseMaxDocuments && lease.bytes + bytes <= policy.leaseMaxBytes);
    if (nowMs - lease.provenAtMs >= Math.min(lease.ttlMs, policy.leaseTtlMs) || !fits) return undefined;
    lease.documents += 1;
    lease.bytes += bytes;
    return lease;
  }

  /** Whether a lease in use should be followed by a new one now. */
  isRenewalDue(lease: Lease, policy: LabelPolicy, nowMs: number): boolean {
    if (lease.renewalTriedAtMs !== undefined && nowMs - lease.renewalTriedAtMs < RENEWAL_RETRY_MS) return false;
    return (
      nowMs - lease.provenAtMs >= lease.ttlMs * RENEW_AT ||
      lease.documents >= policy.leaseMaxDocuments * RENEW_AT ||
      lease.bytes >= policy.leaseMaxBytes * RENEW_AT
    );
  }

  /** Zeroes every lease of these that `matches`. Returns how many there were. */
  drop(whose: Whose, matches: (lease: Lease) => boolean): number {
    return this.#leases.drop(whose, matches);
  }
}
