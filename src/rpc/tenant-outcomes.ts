import { LRUCache } from 'lru-cache';
import type { Outcome } from '../telemetry/telemetry.ts';

const MAX_TENANTS = 10_000;

export type TenantHealth = 'SERVING' | 'NOT_SERVING' | 'UNKNOWN';

/**
 * How each tenant's key did when it was last used. Nothing is probed: health of a tenant is what its last calls showed. Bounded to
 * the most recently used tenants; one that was forgotten is UNKNOWN.
 */
export class TenantOutcomes {
  readonly #last = new LRUCache<string, TenantHealth>({ max: MAX_TENANTS });
  readonly #listeners = new Map<string, Set<(health: TenantHealth) => void>>();

  /** Of several outcomes, as those of a batch, the last that says something counts. */
  record(tenantId: string, outcomes: readonly Outcome[]): void {
    let health: TenantHealth | undefined;
    for (let at = outcomes.length - 1; at >= 0 && health === undefined; at--) health = healthOf(outcomes[at] as Outcome);
    if (health === undefined || this.#last.get(tenantId) === health) return;
    this.#last.set(tenantId, health);
    for (const listener of this.#listeners.get(tenantId) ?? []) listener(health);
  }

  get(tenantId: string): TenantHealth {
    return this.#last.get(tenantId) ?? 'UNKNOWN';
  }

  /** Calls the listener at each change; the result ends it. */
  listen(tenantId: string, listener: (health: TenantHealth) => void): () => void {
    const listeners = this.#listeners.get(tenantId) ?? new Set();
    this.#listeners.set(tenantId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(tenantId);
    };
  }
}

/** What an outcome says of the tenant's key; undefined where it says nothing. */
function healthOf(outcome: Outcome): TenantHealth | undefined {
  if (outcome === 'OK') return 'SERVING';
  return outcome.startsWith('KEY_') || outcome.startsWith('KMS_') || outcome === 'NO_PRIMARY_KEY' ? 'NOT_SERVING' : undefined;
}
