import { statfsSync } from 'node:fs';
import { DurableTrail } from '../../src/audit/durable-trail.ts';
import { nodeFileLayer } from '../../src/audit/file-layer.ts';
import { type AuditMode, type AuditTrail, NO_AUDIT } from '../../src/audit/trail.ts';
import type { AuditConfig } from '../../src/config/daemon-config.ts';
import type { Logger } from '../../src/telemetry/logger.ts';

/** `statfs`'s type of a file system that lives in memory: nothing is made durable there. */
const TMPFS = 0x0102_1994;

/** The trail that a server of the benchmarks records in: as `main` builds it, without sinks. */
export async function benchTrail(
  mode: AuditMode,
  { config, directory, logger }: { config: AuditConfig; directory: string; logger: Logger },
): Promise<AuditTrail> {
  if (mode === 'off') return NO_AUDIT;
  const trail = await DurableTrail.open({
    ...config,
    mode,
    directory,
    version: 'bench',
    files: nodeFileLayer,
    logger,
    now: Date.now,
  });
  if (statfsSync(directory).type === TMPFS) throw new Error(`${directory} is in memory, a trail must be on a disk: set TMPDIR`);
  return trail;
}
