import { parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';
import type { TenantContent } from '../../src/tenants/directory.ts';
import type { KeyConfiguration, LabelPolicy } from '../../src/tenants/tenant.ts';

/** What holds where no file says otherwise, with an outage limit that shows. */
export function labelPolicy(change: Partial<LabelPolicy> = {}): LabelPolicy {
  return {
    protection: 'lease',
    leaseTtlMs: 300_000,
    leaseMaxDocuments: 2 ** 20,
    leaseMaxBytes: 64 * 2 ** 30,
    cacheTtlMs: 60_000,
    outageLimitMs: 60_000,
    allowedCallers: undefined,
    allowedPurposes: undefined,
    ...change,
  };
}

/** A key in the customer's custody; `aws`, so that the algorithm is the service's own, as the fake KMS has it. */
export function keyConfiguration(id: string, change: Partial<KeyConfiguration> = {}): KeyConfiguration {
  return {
    id: parseKeyConfigurationId(id),
    provider: 'aws',
    state: 'active',
    custody: 'customer',
    region: undefined,
    isVendorDefault: false,
    settings: {},
    fingerprint: `fingerprint of ${id}`,
    ...change,
  };
}

/** A tenant with the primary key `<id>-main`. */
export function tenantContent(id: string, change: Partial<Omit<TenantContent, 'id'>> = {}): TenantContent {
  return {
    id: parseTenantId(id),
    keys: [keyConfiguration(`${id}-main`, { state: 'primary' })],
    defaultPolicy: labelPolicy(),
    labelPolicies: new Map(),
    minimumCustody: 'local',
    minimumShares: 1,
    writeSet: undefined,
    allowedRegions: undefined,
    auditSinks: [],
    ...change,
  };
}
