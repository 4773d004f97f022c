import { KeysideError } from '../core/errors.ts';

export interface AdmissionLimits {
  readonly maxConcurrentCalls: number;
  /** Of one tenant: its slow KMS must not take the places of the others. */
  readonly maxConcurrentCallsPerTenant: number;
}

/** Which calls are taken: none while draining, and no more at a time than configured, in all and for each tenant. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #byTenant = new Map<string, number>();
  #calls = 0;
  #isDraining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get calls(): number {
    return this.#calls;
  }

  /**
   * Takes one call in; `leave` ends it.
   * @throws {KeysideError} DRAINING, OVERLOADED
   */
  enter(): void {
    this.assertOpen();
    const limitCalls = this.#limits.maxConcurrentCalls;
    if (this.#calls >= limitCalls) {
      throw new KeysideError('OVERLOADED', `${this.#calls} calls are in flight, the limit is ${limitCalls}`, {
        details: { limitCalls },
      });
    }
    this.#calls += 1;
  }

  /** @throws {KeysideError} DRAINING */
  assertOpen(): void {
    if (this.#isDraining) throw new KeysideError('DRAINING', 'the daemon is shutting down');
  }

  /**
   * Counts a call for its tenant; the result ends that, exactly once.
   * @throws {KeysideError} OVERLOADED where the tenant has as many as it may have
   */
  enterTenant(tenantId: string): () => void {
    const limitCalls = this.#limits.maxConcurrentCallsPerTenant;
    const calls = this.#byTenant.get(tenantId) ?? 0;
    if (calls >= limitCalls) {
      throw new KeysideError('OVERLOADED', `${calls} calls of tenant ${tenantId} are in flight, the limit is ${limitCalls}`, {
        details: { tenantId, limitCalls },
      });
    }
    this.#byTenant.set(tenantId, calls + 1);
    return () => {
      const left = (this.#byTenant.get(tenantId) ?? 1) - 1;
      if (left === 0) this.#byTenant.delete(tenantId);
      else this.#byTenant.set(tenantId, left);
    };
  }

  leave(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#idle?.resolve();
  }

  /** Refuses new calls from now on; resolves when the last running one has left. */
  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#calls === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }
}
