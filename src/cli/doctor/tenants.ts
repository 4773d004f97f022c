import { resolve } from 'node:path';
import type { ConfigurationFault } from '../../config/fault.ts';
import { TenantsAssembly } from '../../config/tenants-assembly.ts';
import { TenantsSource } from '../../config/tenants-source.ts';

/** A tenant as its file and the deployment state it. */
export type ConfiguredTenant = ReturnType<typeof loadTenants>['tenants'][number];

export type ConfiguredKey = ConfiguredTenant['keys'][number];

/** Takes the files as they are: nobody waits for one that is being written. */
const IMPATIENT = { quietMs: 0, removalGraceMs: 0, longestWaitMs: 0 };

/** Reads the tenants files once, as the daemon does. Returns the tenants of the files without fault, and the faults of the others. */
export function loadTenants(path: string) {
  const { replacements, faults } = new TenantsSource(resolve(path), IMPATIENT).scan(performance.now());
  const tenants = [...new TenantsAssembly().replace(replacements)].flatMap(({ changed }) => changed);
  return { tenants, faults: faults as readonly ConfigurationFault[] };
}
