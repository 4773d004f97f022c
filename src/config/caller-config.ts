import { parseTenantId, type TenantId } from '../core/ids.ts';
import { checkCaller } from './daemon-checks.ts';
import { ALL, type CALLER_OPERATIONS, callerSchema, type DaemonEntries } from './daemon-schema.ts';
import type { ConfigurationFault } from './fault.ts';
import { checkSchema } from './issue-faults.ts';
import { pathFieldsOf, resolvePaths } from './path-fields.ts';
import { asList, asMapping } from './raw-value.ts';
import { readYaml } from './yaml-source.ts';

export type CallerOperation = (typeof CALLER_OPERATIONS)[number];

export interface CallerConfig {
  readonly id: string;
  /** Absolute. */
  readonly tokenFile: string;
  /** Undefined: all. */
  readonly tenants: ReadonlySet<TenantId> | undefined;
  /** Undefined: all. */
  readonly operations: ReadonlySet<CallerOperation> | undefined;
  /** Whether the daemon makes the token itself, at each start, and writes it into the file. */
  readonly isMinted: boolean;
}

type CallerEntry = DaemonEntries['callers'][number];

export function callerConfig({ id, tokenFile, tenants, operations }: CallerEntry): CallerConfig {
  return {
    id,
    tokenFile,
    tenants: tenants.includes(ALL) ? undefined : new Set(tenants.map((tenant) => parseTenantId(tenant))),
    operations: operations.includes(ALL) ? undefined : new Set(operations.filter((operation) => operation !== ALL)),
    isMinted: false,
  };
}

/** The option of the command line whose texts are read here: what faults are reported of. */
const OPTION = '--mint-caller';
const PATHS = pathFieldsOf(callerSchema);

/**
 * Callers as the command line gives them: each a JSON object with the keys of an entry of `callers`. Relative paths are relative to
 * the working directory.
 * @param file the configuration file's value, whose callers have their ids already
 */
export function parseMintedCallers(
  texts: readonly string[],
  file: unknown,
): { readonly callers: readonly CallerConfig[]; readonly faults: readonly ConfigurationFault[] } {
  const ids = new Set<unknown>(asList(asMapping(file).callers).map((caller) => asMapping(caller).id));
  const callers: CallerConfig[] = [];
  const faults: ConfigurationFault[] = [];
  for (const text of texts) {
    // JSON is YAML, and read as strictly as the file is.
    const source = readYaml(text, OPTION);
    faults.push(...source.faults);
    if (source.value === undefined) continue;
    const { output, faults: schemaFaults } = checkSchema(callerSchema, source);
    faults.push(...schemaFaults);
    checkCaller({ entry: source.value, path: [], ids }, (path, message) => faults.push(source.faultAt(path, message)));
    if (output !== undefined) callers.push({ ...callerConfig(resolvePaths(output, PATHS, process.cwd())), isMinted: true });
  }
  return { callers, faults };
}
