import { dirname } from 'node:path';
import { parseKeyConfigurationId, parseTenantId, type TenantId } from '../core/ids.ts';
import type { Custody } from '../core/providers.ts';
import type { ConfiguredSink, KeyConfiguration, Tenant } from '../tenants/tenant.ts';
import { digestOf } from './canonical-json.ts';
import type { ConfigurationFault } from './fault.ts';
import { checkSchema } from './issue-faults.ts';
import { pathFieldsOf, resolvePaths } from './path-fields.ts';
import { type ResolvedPolicy, resolvePolicy } from './policy-entries.ts';
import { PROVIDER_PATHS } from './provider-settings.ts';
import { configuredSinks } from './sink-entries.ts';
import { sinksSchema } from './sink-schema.ts';
import { type Claim, checkTenants } from './tenants-checks.ts';
import { type KeyEntry, type PolicyEntry, type TenantEntry, tenantsFileSchema } from './tenants-schema.ts';
import { readYaml } from './yaml-source.ts';

const SINK_LIST_PATHS = pathFieldsOf(sinksSchema);

/** A tenant as its file states it, without what the deployment adds. */
export interface TenantDefinition {
  readonly id: TenantId;
  readonly keys: readonly KeyConfiguration[];
  /** Undefined: the deployment's. */
  readonly policy: ResolvedPolicy | undefined;
  readonly minimumCustody: Custody;
  readonly minimumShares: number;
  readonly writeSet: Tenant['writeSet'];
  readonly allowedRegions: Tenant['allowedRegions'];
  readonly auditSinks: readonly ConfiguredSink[];
  /** Equal for equal content. */
  readonly digest: string;
}

/** A section of which the deployment has at most one. */
export interface DeploymentSection<Content> {
  readonly content: Content;
  /** Equal for equal content. */
  readonly digest: string;
}

/** A claim and where it stands, so that a conflict with another file can point at it. */
export interface PlacedClaim extends Claim {
  readonly line: number;
  readonly column: number;
}

/** A tenants file without fault. */
export interface TenantsFile {
  readonly tenants: readonly TenantDefinition[];
  readonly vendorKeys: DeploymentSection<readonly KeyConfiguration[]> | undefined;
  readonly policy: DeploymentSection<ResolvedPolicy> | undefined;
  readonly claims: readonly PlacedClaim[];
}

export type TenantsFileResult = { readonly parsed: TenantsFile } | { readonly faults: readonly ConfigurationFault[] };

/** Parses and checks the text of one tenants file. Relative paths in it are relative to the folder of `file`. Pure; never throws. */
export function parseTenantsFile(text: string, file: string): TenantsFileResult {
  const source = readYaml(text, file);
  if (source.value === undefined) return { faults: source.faults };
  const { output, faults: schemaFaults } = checkSchema(tenantsFileSchema, source);
  const { claims, faults: checkFaults } = checkTenants(source);
  const faults = [...source.faults, ...schemaFaults, ...checkFaults];
  if (output === undefined || faults.length > 0) return { faults };
  const folder = dirname(file);
  return {
    parsed: {
      tenants: Object.entries(output.tenants).map(([id, entry]) => tenantDefinition(id, entry, folder)),
      vendorKeys: output.vendor && section(keyConfigurations(output.vendor.keys, { folder, isVendorDefault: true })),
      policy: output.policy && policySection(output.policy),
      claims: claims.map((claim) => {
        const { line, column } = source.faultAtKey(claim.path, '');
        return { ...claim, line: line ?? 1, column: column ?? 1 };
      }),
    },
  };
}

function tenantDefinition(id: string, entry: TenantEntry, folder: string): TenantDefinition {
  const keys = keyConfigurations(entry.keys, { folder, isVendorDefault: false });
  const auditSinks = configuredSinks(resolvePaths(entry.audit.sinks, SINK_LIST_PATHS, folder));
  const { policy, wrap, allowedRegions, minimumCustody, minimumShares } = entry;
  return {
    id: parseTenantId(id),
    keys,
    policy: policy && resolvePolicy(policy),
    minimumCustody,
    minimumShares,
    writeSet: wrap?.shares.map((share) => share.map((keyId) => parseKeyConfigurationId(keyId))),
    allowedRegions: allowedRegions && new Set(allowedRegions),
    auditSinks,
    digest: digestOf({ keys, policy, wrap, allowedRegions, minimumCustody, minimumShares, auditSinks }),
  };
}

interface KeyOrigin {
  readonly folder: string;
  readonly isVendorDefault: boolean;
}

function keyConfigurations(entries: readonly KeyEntry[], { folder, isVendorDefault }: KeyOrigin): KeyConfiguration[] {
  return entries.map((entry) => {
    const { provider } = entry;
    const settings = resolvePaths<unknown>(entry[provider], PROVIDER_PATHS[provider], folder);
    return {
      id: parseKeyConfigurationId(entry.id),
      provider,
      state: entry.state,
      custody: entry.custody ?? defaultCustody(provider, isVendorDefault),
      region: entry.region,
      isVendorDefault,
      settings,
      fingerprint: digestOf({ provider, settings }),
    };
  });
}

function defaultCustody(provider: KeyEntry['provider'], isVendorDefault: boolean): Custody {
  if (provider === 'local') return 'local';
  return isVendorDefault ? 'vendor' : 'customer';
}

function section<Content>(content: Content): DeploymentSection<Content> {
  return { content, digest: digestOf(content) };
}

function policySection(entry: PolicyEntry): DeploymentSection<ResolvedPolicy> {
  return { content: resolvePolicy(entry), digest: digestOf(entry) };
}
