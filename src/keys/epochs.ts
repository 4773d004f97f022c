import type { KeyConfigurationId, TenantId } from '../core/ids.ts';

/** Whose data keys: all of a tenant's, all that a configuration opened, or those of both together. */
export interface EpochScope {
  readonly tenantId: TenantId;
  readonly configurationIds: readonly KeyConfigurationId[];
}

/**
 * Counts drops. What was asked of a KMS before a drop must not be kept after it: who asks notes the epoch when it sends the call
 * and compares it with the one when the answer is there. One tenant's drops do not disturb another's keys.
 */
export class Epochs {
  readonly #tenants = new Map<TenantId, number>();
  readonly #configurations = new Map<KeyConfigurationId, number>();
  #all = 0;

  current(scope: EpochScope): number {
    let sum = this.#all + (this.#tenants.get(scope.tenantId) ?? 0);
    for (const id of scope.configurationIds) sum += this.#configurations.get(id) ?? 0;
    return sum;
  }

  allDropped(): void {
    this.#all += 1;
  }

  tenantDropped(id: TenantId): void {
    this.#tenants.set(id, (this.#tenants.get(id) ?? 0) + 1);
  }

  configurationDropped(id: KeyConfigurationId): void {
    this.#configurations.set(id, (this.#configurations.get(id) ?? 0) + 1);
  }
}
