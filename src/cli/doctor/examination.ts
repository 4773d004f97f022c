import { chooseCipher } from '../../cipher/choose-cipher.ts';
import { type DaemonConfig, loadDaemonConfig } from '../../config/daemon-config.ts';
import { ConfigurationError, type ConfigurationFault, renderFaults } from '../../config/fault.ts';
import { readOriginKeys } from '../../config/origin-keys.ts';
import { observe } from '../../config/tenants-folder.ts';
import { isLowerCustody } from '../../core/providers.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';
import { checkAudit, checkTenantSinks } from './audit-files.ts';
import { checkMode, type FileToCheck, readFailure } from './file-modes.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { inOrder } from './in-order.ts';
import { checkListeners } from './listeners.ts';
import { KeyProbes, type KeyToProbe } from './probe.ts';
import { settingsFiles } from './settings-files.ts';
import { type ConfiguredTenant, loadTenants } from './tenants.ts';

/** Kinder to a KMS than the daemon's own limits, and to its bill. */
const PROBES_AT_ONCE = 16;

export interface ExaminationRequest {
  readonly configFile: string;
  /** Only these; empty: all. */
  readonly tenantIds: readonly string[];
  /** Of each KMS operation. */
  readonly timeoutMs: number;
}

/** Looks at everything a daemon with this configuration needs, and yields what it finds as it goes. Changes nothing. */
export async function* examine(request: ExaminationRequest): AsyncGenerator<Finding> {
  const { configFile } = request;
  const loaded = loadConfig(configFile);
  if ('faults' in loaded) {
    yield* loaded.faults;
    return;
  }
  const { config } = loaded;
  yield ok('configuration', `${configFile} is valid`);
  yield cipherFinding();
  yield* modesOf([{ path: configFile, kind: 'configuration', what: 'configuration' }]);
  yield* checkDaemonFiles(config);
  yield* checkAudit(config.audit);
  yield* checkListeners(config.listen);
  const { tenants, faults } = loadTenants(config.tenantsPath);
  yield* modesOf(tenantsFiles(config.tenantsPath));
  yield* faultFindings('tenants', faults);
  yield faults.length === 0
    ? ok('tenants', `${counted(tenants.length, 'tenant')}, ${counted(countKeys(tenants), 'key')} of their own`)
    : warn('tenants', `${counted(tenants.length, 'tenant')} in files without fault; the daemon starts with no faulty file`);
  const chosen = tenants.filter(({ id }) => request.tenantIds.length === 0 || request.tenantIds.includes(id));
  yield* unknownTenants(request.tenantIds, tenants);
  yield* chosen.flatMap(tenantFindings);
  yield* modesOf(settingsFiles(chosen));
  if (config.audit.mode !== 'off') yield* checkTenantSinks(chosen);
  const { originKeys, faults: originFaults } = loadOriginKeys(config);
  yield* originFaults;
  yield* probeAll(chosen, { kms: config.kms, timeoutMs: request.timeoutMs, originKeys });
}

/** Which cipher a daemon started here would use. The slower one is as safe. */
function cipherFinding(): Finding {
  const { cipher, instead } = chooseCipher();
  if (instead === undefined) return ok('cipher', cipher.name);
  return warn('cipher', `${cipher.name}, which is slower: ${instead}`, 'run `npm rebuild` where a C compiler is installed');
}

/** The deployment's origin keys; where one cannot be used the daemon does not start, and keys are probed without them. */
function loadOriginKeys({ originKeyFiles }: DaemonConfig): {
  readonly originKeys: readonly SecretBytes[];
  readonly faults: readonly Finding[];
} {
  try {
    return { originKeys: readOriginKeys(originKeyFiles), faults: [] };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { originKeys: [], faults: [fail('originKeyFiles', words, 'the daemon does not start without it')] };
  }
}

function loadConfig(file: string): { readonly config: DaemonConfig } | { readonly faults: readonly Finding[] } {
  try {
    return { config: loadDaemonConfig(file) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { faults: [...faultFindings('configuration', error.faults)] };
  }
}

function* faultFindings(what: string, faults: readonly ConfigurationFault[]): Generator<Finding> {
  for (const line of faults.length === 0 ? [] : renderFaults(faults).split('\n')) {
    yield fail(what, line);
  }
}

function* modesOf(files: Iterable<FileToCheck>): Generator<Finding> {
  for (const file of files) {
    const finding = checkMode(file);
    if (finding !== undefined) yield finding;
  }
}

function* checkDaemonFiles({ callers, listen: { tls } }: DaemonConfig): Generator<Finding> {
  const secrets = callers.map(({ id, tokenFile }) => ({ path: tokenFile, what: `token of caller ${id}` }));
  if (tls !== undefined) secrets.push({ path: tls.privateKeyFile, what: 'listen.tls.privateKeyFile' });
  for (const { path, what } of secrets) {
    const unreadable = readFailure(path);
    if (unreadable !== undefined) yield fail(what, `${path} ${unreadable}`, 'the daemon does not start without it');
    else yield* modesOf([{ path, kind: 'secret', what }]);
  }
  for (const name of ['certificateFile', 'clientCaFile'] as const) {
    const unreadable = tls && readFailure(tls[name]);
    if (unreadable !== undefined) yield fail(`listen.tls.${name}`, `${tls?.[name]} ${unreadable}`);
  }
}

function tenantsFiles(path: string): readonly FileToCheck[] {
  const observed = observe(path);
  const files = 'signatures' in observed ? [...observed.signatures.keys()] : [];
  return files.map((file) => ({ path: file, kind: 'configuration', what: 'tenants' }));
}

function* unknownTenants(wanted: readonly string[], tenants: readonly ConfiguredTenant[]): Generator<Finding> {
  const known = new Set<string>(tenants.map(({ id }) => id));
  for (const id of wanted) {
    if (!known.has(id)) yield fail(`tenant ${id}`, 'no such tenant is configured');
  }
}

/** What a tenant's configuration cannot do, whatever its KMS says. */
function tenantFindings({ id, keys, minimumCustody }: ConfiguredTenant): readonly Finding[] {
  const what = `tenant ${id}`;
  const findings: Finding[] = [];
  if (!keys.some(({ state }) => state === 'primary')) {
    findings.push(warn(what, 'has no primary key: it can decrypt but not encrypt', 'give one of its keys `state: primary`'));
  }
  for (const key of keys) {
    if (key.state === 'disabled' || key.isVendorDefault || !isLowerCustody(key.custody, minimumCustody)) continue;
    const words = `key ${key.id} is in ${key.custody} custody, and minimumCustody is ${minimumCustody}: the daemon refuses it`;
    findings.push(fail(what, words, 'bring a key of that custody, or lower minimumCustody'));
  }
  return findings;
}

async function* probeAll(
  tenants: readonly ConfiguredTenant[],
  limits: ConstructorParameters<typeof KeyProbes>[0],
): AsyncGenerator<Finding> {
  const probes = new KeyProbes(limits);
  try {
    yield* inOrder(keysToProbe(tenants), PROBES_AT_ONCE, (key) => probes.probe(key));
  } finally {
    await probes.close();
  }
}

/** Every key once: the vendor's serve many tenants. */
function* keysToProbe(tenants: readonly ConfiguredTenant[]): Generator<KeyToProbe> {
  const vendorIds = new Set<string>();
  for (const { id: tenantId, keys } of tenants) {
    for (const key of keys) {
      if (key.isVendorDefault && vendorIds.has(key.id)) continue;
      if (key.isVendorDefault) vendorIds.add(key.id);
      yield { tenantId, key };
    }
  }
}

function countKeys(tenants: readonly ConfiguredTenant[]): number {
  return tenants.reduce((sum, { keys }) => sum + keys.filter(({ isVendorDefault }) => !isVendorDefault).length, 0);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
