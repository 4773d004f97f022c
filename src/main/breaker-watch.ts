import type { KeyRegistry } from '../kms/registry.ts';
import type { BreakerState } from '../telemetry/telemetry.ts';
import type { TenantDirectory } from '../tenants/directory.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';

/**
 * Knows whose key is whose, so that telling of breakers costs what the keys in use cost, however many tenants there are. Keys that are
 * disabled, or that no tenant has any more, are not told of: nobody asks them, so that a breaker of theirs would never close.
 */
export class BreakerWatch {
  readonly #keys: Pick<KeyRegistry, 'breakers'>;
  /** Of tenants' own keys, by the key's id. */
  readonly #owners = new Map<string, Tenant['id']>();
  /** Of vendors' default keys, how many tenants have them. */
  readonly #sharers = new Map<string, number>();

  /** Precondition: no tenant is known yet. */
  constructor(tenants: Pick<TenantDirectory, 'onChange'>, keys: Pick<KeyRegistry, 'breakers'>) {
    this.#keys = keys;
    tenants.onChange((id, previous, next) => {
      for (const key of previous?.keys ?? []) this.#forget(id, key);
      for (const key of next?.keys ?? []) this.#note(id, key);
    });
  }

  /** The breakers of the keys in use. What calls a vendor's default key tells of no one tenant: it is nobody's. */
  states(): BreakerState[] {
    const states: BreakerState[] = [];
    for (const { id, provider, isOpen } of this.#keys.breakers()) {
      const tenantId = this.#owners.get(id);
      if (tenantId !== undefined || this.#sharers.has(id)) states.push({ provider, tenantId, isOpen });
    }
    return states;
  }

  #note(tenantId: Tenant['id'], { id, state, isVendorDefault }: KeyConfiguration): void {
    if (state === 'disabled') return;
    if (isVendorDefault) this.#sharers.set(id, (this.#sharers.get(id) ?? 0) + 1);
    else this.#owners.set(id, tenantId);
  }

  #forget(tenantId: Tenant['id'], { id, state, isVendorDefault }: KeyConfiguration): void {
    if (state === 'disabled') return;
    // A key that went to another tenant may be that one's by now.
    if (!isVendorDefault && this.#owners.get(id) === tenantId) this.#owners.delete(id);
    if (!isVendorDefault) return;
    const left = (this.#sharers.get(id) ?? 0) - 1;
    if (left > 0) this.#sharers.set(id, left);
    else this.#sharers.delete(id);
  }
}
