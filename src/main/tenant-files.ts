import type { ConfigurationFault } from '../config/fault.ts';
import type { Reader } from '../config/tenants-messages.ts';
import { type TenantsWatch, watchTenants } from '../config/tenants-watch.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/telemetry.ts';
import type { TenantChanges, TenantDirectory } from '../tenants/directory.ts';
import { ReaderProcess } from './reader-process.ts';

export interface TenantFilesParts {
  readonly path: string;
  readonly rescanIntervalMs: number;
  readonly directory: TenantDirectory;
  /** Told of the providers of all keys before their tenants are served. */
  readonly keys: { prepare(providers: Iterable<string>): Promise<void> };
  /** Reads first; whatever follows is started here. Undefined: the first is, too. */
  readonly reader?: Reader | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told of each reload that found faults. */
  readonly onRejected?: () => void;
}

/**
 * Fills the directory from the tenants' files and keeps it up to date. A file that becomes broken keeps its last version, and says so
 * in the log with every fault.
 * @throws {ConfigurationError} where anything is wrong at the start
 */
export async function loadTenantFiles(parts: TenantFilesParts): Promise<TenantsWatch> {
  const { path, rescanIntervalMs, directory, keys, logger, metrics } = parts;
  let { reader } = parts;
  const watch = watchTenants({
    path,
    rescanIntervalMs,
    startReader: () => {
      const first = reader ?? new ReaderProcess();
      reader = undefined;
      return first;
    },
    onChange: async (changes) => {
      await keys.prepare(providersOf(changes));
      directory.apply(changes);
    },
    onReload: (report) => {
      const changes = { changed: report.changedTenants, removed: report.removedTenants };
      metrics.configurationReloaded(report.faults.length > 0 ? 'rejected' : 'applied', changes.changed + changes.removed);
      if (report.faults.length > 0) {
        logFaults(logger, report.faults);
        parts.onRejected?.();
      }
      logger.log('info', 'tenants reloaded', { ...changes, faults: report.faults.length });
    },
    onTrouble: (error) => logger.log('error', 'tenants cannot be reloaded; what was loaded is served on', errorFields(error)),
  });
  try {
    await watch.load();
  } catch (error) {
    await watch.close();
    throw error;
  }
  return watch;
}

function providersOf({ changed }: TenantChanges): ReadonlySet<string> {
  return new Set(changed.flatMap(({ keys }) => keys.map(({ provider }) => provider)));
}

/** A file can hold a fault on every line; a log need not. */
const MAX_LOGGED_FAULTS = 50;

function logFaults(logger: Logger, faults: readonly ConfigurationFault[]): void {
  for (const fault of faults.slice(0, MAX_LOGGED_FAULTS)) {
    const { file, line, column, path, message } = fault;
    logger.log('error', 'tenants file is at fault; its last version stays', { file, line, column, path, fault: message });
  }
}
