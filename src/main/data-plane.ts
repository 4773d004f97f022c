import { chooseCipher } from '../cipher/choose-cipher.ts';
import type { DaemonConfig } from '../config/daemon-config.ts';
import { readOriginKeys } from '../config/origin-keys.ts';
import type { Clock } from '../core/clock.ts';
import { KeyRing } from '../keys/key-ring.ts';
import { DEFAULT_GUARD_LIMITS } from '../kms/guard.ts';
import { KeyRegistry } from '../kms/registry.ts';
import { systemTimer } from '../kms/timer.ts';
import type { ServiceParts } from '../service/service.ts';
import type { Metrics } from '../telemetry/telemetry.ts';
import { TenantDirectory } from '../tenants/directory.ts';

/** How often data keys that outlived their time are looked for, in milliseconds. */
const SWEEP_MS = 1_000;

export interface DataPlane extends ServiceParts {
  readonly tenants: TenantDirectory;
  /** Why the native cipher does not serve; undefined where it does. */
  readonly cipherInstead: string | undefined;
  /** Zeroes every data key and closes every KMS connection. */
  close(): Promise<void>;
}

/** Builds what serves requests, from the tenants' directory down to the KMSs. Asks nobody anything. */
export function buildDataPlane(config: DaemonConfig, clock: Clock, metrics: Metrics): DataPlane {
  const { cipher, instead } = chooseCipher();
  metrics.cipherChosen(cipher.name);
  const timer = systemTimer(clock);
  const keys = new KeyRegistry({
    cipher,
    timer,
    metrics,
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
    clock,
    async close() {
      clearInterval(sweeper);
      ring.close();
      await keys.closeAll();
    },
  };
}
