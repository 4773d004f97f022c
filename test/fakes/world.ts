import type { Cipher } from '../../src/cipher/cipher.ts';
import type { Clock } from '../../src/core/clock.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import type { CacheLimits } from '../../src/keys/data-key-cache.ts';
import { KeyRing } from '../../src/keys/key-ring.ts';
import type { GuardLimits } from '../../src/kms/guard.ts';
import type { KmsWatch } from '../../src/kms/kms-watch.ts';
import type { ServiceParts } from '../../src/service/service.ts';
import { type TenantContent, TenantDirectory } from '../../src/tenants/directory.ts';
import type { Tenant } from '../../src/tenants/tenant.ts';
import { bothCiphers } from './both-ciphers.ts';
import { FakeKeys } from './fake-keys.ts';
import { FakeKms } from './fake-kms.ts';
import { FakeTimer } from './kms-timer.ts';
import { RecordedMetrics } from './recorded-metrics.ts';
import { keyConfiguration, tenantContent } from './tenants.ts';

export interface WorldOptions {
  /** Default: `acme` with the keys acme-main (primary) and acme-old, and `globex` with globex-main. */
  readonly tenants?: readonly TenantContent[];
  readonly cacheLimits?: Partial<CacheLimits>;
  readonly guardLimits?: Partial<GuardLimits>;
  readonly watch?: KmsWatch;
  /** The daemon's own. */
  readonly region?: string;
  /** Where keys' lifetimes shall pass by another clock than the KMS's. */
  readonly clock?: Clock;
}

/** A daemon without its edge: everything real but the KMS and the time. */
export class World implements ServiceParts {
  readonly timer = new FakeTimer();
  readonly kms = new FakeKms();
  readonly metrics = new RecordedMetrics();
  readonly tenants: TenantDirectory;
  readonly cipher: Cipher = bothCiphers();
  readonly clock = this.timer;
  readonly keys: FakeKeys;
  readonly ring: KeyRing;

  constructor(options: WorldOptions = {}) {
    const { kms, timer, metrics } = this;
    this.tenants = new TenantDirectory(options.region);
    this.keys = new FakeKeys({ kms, timer, metrics, limits: options.guardLimits ?? {}, watch: options.watch });
    const limits = { maxEntries: 1_000, maxBytes: 2 ** 24, negativeTtlMs: 1_000, ...options.cacheLimits };
    this.ring = new KeyRing({ keys: this.keys, clock: options.clock ?? timer, timer, metrics, limits });
    this.tenants.onChange((id, previous) => {
      if (previous !== undefined) this.ring.dropTenant(id, { eviction: 'reconfigured' });
    });
    this.configure(...(options.tenants ?? defaultTenants()));
  }

  /** Adds or replaces tenants; a key that the fake KMS does not have yet is made there. */
  configure(...tenants: readonly TenantContent[]): void {
    for (const { id } of tenants.flatMap((tenant) => tenant.keys)) this.#provide(id);
    this.tenants.apply({ changed: tenants, removed: [] });
  }

  tenant(id = 'acme'): Tenant {
    return this.tenants.get(parseTenantId(id));
  }

  /** Calls the fake KMS has had, of one kind or all. */
  callCount(operation?: 'wrap' | 'unwrap' | 'generate' | 'describe'): number {
    return this.kms.calls.filter((call) => operation === undefined || call.operation === operation).length;
  }

  /** Calls the fake KMS had while `work` ran, by kind: `{ unwrap: 1 }`. */
  async callsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = this.kms.calls.length;
    await work();
    const counts: Record<string, number> = {};
    for (const { operation } of this.kms.calls.slice(before)) counts[operation] = (counts[operation] ?? 0) + 1;
    return counts;
  }

  readonly #provided = new Set<string>();

  #provide(id: string): void {
    if (this.#provided.has(id)) return;
    this.#provided.add(id);
    this.kms.createKey(id);
  }
}

export function defaultTenants(): readonly TenantContent[] {
  return [
    tenantContent('acme', { keys: [keyConfiguration('acme-main', { state: 'primary' }), keyConfiguration('acme-old')] }),
    tenantContent('globex'),
  ];
}
