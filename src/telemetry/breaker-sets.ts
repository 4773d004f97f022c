import type { Attributes } from '@opentelemetry/api';
import { LABELS } from './names.ts';
import type { BreakerState } from './telemetry.ts';
import { OTHER_TENANTS, type TenantLabels } from './tenant-labels.ts';

/** What is shown of the breakers that share their labels. */
export interface BreakerSet {
  readonly attributes: Attributes;
  /** Whether any is. */
  isOpen: boolean;
}

/** Beyond so many sets, keys of further tenants are shown as those of tenants without a label. */
const MAX_SETS = 1_000;

/**
 * The breakers of all keys by their labels. A set that was shown once is shown for good, closed where it has no key: OpenTelemetry
 * would go on with its last value otherwise.
 */
export class BreakerSets {
  readonly #tenantLabels: TenantLabels;
  readonly #sets = new Map<string, BreakerSet>();

  constructor(tenantLabels: TenantLabels) {
    this.#tenantLabels = tenantLabels;
  }

  /** Takes over the present state of all breakers. */
  update(breakers: readonly BreakerState[]): Iterable<BreakerSet> {
    for (const set of this.#sets.values()) set.isOpen = false;
    for (const breaker of breakers) {
      const set = this.#setOf(breaker);
      set.isOpen ||= breaker.isOpen;
    }
    return this.#sets.values();
  }

  #setOf({ provider, tenantId }: BreakerState): BreakerSet {
    const label = this.#tenantLabels.labelOf(tenantId);
    const isOneMore = label === tenantId && this.#sets.size >= MAX_SETS && !this.#sets.has(keyOf(provider, label));
    const tenant = isOneMore ? OTHER_TENANTS : label;
    const key = keyOf(provider, tenant);
    const found = this.#sets.get(key);
    if (found !== undefined) return found;
    const set = { attributes: { [LABELS.provider.name]: provider, [LABELS.tenant.name]: tenant }, isOpen: false };
    this.#sets.set(key, set);
    return set;
  }
}

function keyOf(provider: string, tenant: string): string {
  return `${provider}\n${tenant}`;
}
