import { ConfigurationError, type ConfigurationFault } from '../../config/fault.ts';
import { type TenantsWatchOptions, watchTenants } from '../../config/tenants-watch.ts';

/** A tenant as its file and the deployment state it. */
export type ConfiguredTenant = Parameters<TenantsWatchOptions['onChange']>[0]['changed'][number];

export type ConfiguredKey = ConfiguredTenant['keys'][number];

export interface LoadedTenants {
  /** Those of the files without fault. */
  readonly tenants: readonly ConfiguredTenant[];
  readonly faults: readonly ConfigurationFault[];
}

/** Reads the tenants files once, as the daemon does. */
export async function loadTenants(path: string): Promise<LoadedTenants> {
  const tenants: ConfiguredTenant[] = [];
  const watch = watchTenants({ path, rescanIntervalMs: 3_600_000, onChange: ({ changed }) => tenants.push(...changed) });
  try {
    await watch.load();
    return { tenants, faults: [] };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { tenants, faults: error.faults };
  } finally {
    await watch.close();
  }
}
