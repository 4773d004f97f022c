import { bulkWorkers } from '../cipher/bulk-cipher.ts';
import { BulkPool } from '../cipher/bulk-pool.ts';
import { chooseCipher } from '../cipher/choose-cipher.ts';
import type { DaemonConfig } from '../config/daemon-config.ts';
import { readOriginKeys } from '../config/origin-keys.ts';
import type { Clock } from '../core/clock.ts';
import { KeyRing } from '../keys/key-ring.ts';
import { DEFAULT_GUARD_LIMITS } from '../kms/guard.ts';
import type { KmsWatch } from '../kms/kms-watch.ts';
import { KeyRegistry } from '../kms/registry.ts';
import { systemTimer } from '../kms/timer.ts';
import type { ServiceParts } from '../service/service.ts';
import type { Metrics } from '../telemetry/telemetry.ts';
import { TenantDirectory } from '../tenants/directory.ts';
import { BreakerWatch } from './breaker-watch.ts';

/** How often data keys that outlived their time are looked for, in milliseconds. */
const SWEEP_MS = 1_000;

export interface DataPlane extends ServiceParts {
  readonly tenants: TenantDirectory;
  readonly keys: KeyRegistry;
  /** Why the native cipher does not serve; undefined where it does. */
  readonly cipherInstead: string | undefined;
  /** Zeroes every data key, ends the cipher's workers and closes every KMS connection. */
  close(): Promise<void>;
}

export interface DataPlaneTools {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Told of every use of a tenant's key; undefined: nobody is. */
  readonly watch: KmsWatch | undefined;
}

/** Builds what serves requests, from the tenants' directory down to the KMSs. Asks nobody anything. */
export function buildDataPlane(config: DaemonConfig, { clock, metrics, watch }: DataPlaneTools): DataPlane {
  const { cipher, instead } = chooseCipher();
  const bulk = new BulkPool({ workers: bulkWorkers(cipher.name) });
  metrics.cipherChosen(cipher.name);
  const timer = systemTimer(clock);
  const keys = new KeyRegistry({
    cipher,
    timer,
    metrics,
    watch,
    random: Math.random,
    originKeys: readOriginKeys(config.originKeyFiles),
    limits: {
      ...DEFAULT_GUARD_LIMITS,
      operationMs: config.kms.timeoutMs,
      attemptMs: config.kms.attemptTimeoutMs,
      maxConcurrent: config.kms.maxConcurrent,
      maxQueued: config.kms.maxQueued,
      maxAttempts: config.kms.maxAttempts,
    },
  });
  const ring = new KeyRing({ keys, clock, timer, metrics, limits: config.cache });
  const tenants = new TenantDirectory(config.region);
  const breakers = new BreakerWatch(tenants, keys);
  metrics.observeBreakers(() => breakers.states());
  tenants.onChange((tenantId, previous) => {
    // The generation keeps old keys from being found; this zeroes them.
    if (previous !== undefined) ring.dropTenant(tenantId, { eviction: 'reconfigured' });
  });
  const sweeper = setInterval(() => ring.sweep(), SWEEP_MS).unref();
  return {
    tenants,
    cipherInstead: instead,
    ring,
    keys,
    cipher,
    bulk,
    clock,
    async close() {
      clearInterval(sweeper);
      ring.close();
      await Promise.all([bulk.close(), keys.closeAll()]);
    },
  };
}
