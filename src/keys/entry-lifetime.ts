import type { LabelPolicy } from '../tenants/tenant.ts';
import type { CachedDataKey } from './data-key-cache.ts';

/** An entry in use is proven again when this part of its time has passed. */
const REFRESH_AT = 0.8;
/** During an outage, how often an entry in use asks its KMS again, in milliseconds. */
const OUTAGE_RETRY_MS = 1_000;
/** How long a failed attempt counts as knowledge that the KMS is unreachable, in milliseconds. */
const OUTAGE_KNOWN_MS = 5_000;

/** By what rules, and when, an entry is asked for. */
export interface EntryUse {
  readonly policy: LabelPolicy;
  /** How long after its proof a data key may serve at most, whatever the policy for reading: who encrypts has `lease.ttl`. */
  readonly maxAgeMs: number;
  readonly nowMs: number;
}

/**
 * Whether the entry serves (docs/format.md, section 6): within its time; or past it, within the outage limit, where the KMS was just
 * seen to be unreachable. `isAsked` says whether an attempt is in the air: it was begun while that knowledge was fresh, else it would
 * have put it away.
 */
export function serves(entry: CachedDataKey, { policy, maxAgeMs, nowMs }: EntryUse, isAsked: () => boolean): boolean {
  const ageMs = nowMs - entry.provenAtMs;
  if (ageMs >= maxAgeMs) return false;
  if (ageMs < policy.cacheTtlMs) return true;
  if (entry.unreachableAtMs === undefined || ageMs >= policy.outageLimitMs || nowMs >= entry.keepUntilMs) return false;
  return nowMs - entry.unreachableAtMs < OUTAGE_KNOWN_MS || isAsked();
}

/** Whether an entry in use should be proven again ahead of its end, or asks anew in an outage. */
export function isRefreshDue(entry: CachedDataKey, policy: LabelPolicy, nowMs: number): boolean {
  if (entry.unreachableAtMs !== undefined) return nowMs - entry.unreachableAtMs >= OUTAGE_RETRY_MS;
  return nowMs - entry.provenAtMs >= policy.cacheTtlMs * REFRESH_AT;
}

/** An attempt begins: that the KMS was unreachable a while ago says nothing about now, the attempt will tell. */
export function noteAttempt(entry: CachedDataKey, nowMs: number): void {
  if (entry.unreachableAtMs !== undefined && nowMs - entry.unreachableAtMs >= OUTAGE_KNOWN_MS) entry.unreachableAtMs = undefined;
}

/** The KMS was reached and said no: whatever the weather will be, this proof ends with its ttl. */
export function noteRefusal(entry: CachedDataKey, policy: LabelPolicy): void {
  entry.unreachableAtMs = undefined;
  entry.keepUntilMs = Math.min(entry.keepUntilMs, entry.provenAtMs + policy.cacheTtlMs);
}
