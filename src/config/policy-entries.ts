import type { LabelPolicy } from '../tenants/tenant.ts';
import { digestOf } from './canonical-json.ts';
import type { LabelPolicyEntry, PolicyEntry } from './tenants-schema.ts';

/** A policy with nothing left out. */
export interface ResolvedPolicy {
  readonly defaultPolicy: LabelPolicy;
  readonly labelPolicies: ReadonlyMap<string, LabelPolicy>;
}

/** What holds where no file says otherwise (docs/format.md, section 6). */
const BUILT_IN: LabelPolicy = {
  protection: 'lease',
  leaseTtlMs: 5 * 60_000,
  leaseMaxDocuments: 2 ** 20,
  leaseMaxBytes: 64 * 2 ** 30,
  cacheTtlMs: 60_000,
  outageLimitMs: 60_000,
  allowedCallers: undefined,
  allowedPurposes: undefined,
};

export const BUILT_IN_POLICY: ResolvedPolicy = { defaultPolicy: BUILT_IN, labelPolicies: new Map() };

/** Policies that were resolved before, by their digest. Many tenants share few policies: equal ones are one object. */
const resolved = new Map<string, ResolvedPolicy>();
const MAX_RESOLVED = 1_000;

/** Fills in what the entries leave out: labels from the default, the default from what is built in. */
export function resolvePolicy(entry: PolicyEntry): ResolvedPolicy {
  const digest = digestOf(entry);
  let policy = resolved.get(digest);
  if (policy === undefined) {
    const defaultPolicy = fillIn(entry.default, BUILT_IN);
    const labels = Object.entries(entry.labels).map(([label, own]) => [label, fillIn(own, defaultPolicy)] as const);
    policy = { defaultPolicy, labelPolicies: new Map(labels) };
    if (resolved.size >= MAX_RESOLVED) resolved.clear();
    resolved.set(digest, policy);
  }
  return policy;
}

function fillIn(entry: LabelPolicyEntry, base: LabelPolicy): LabelPolicy {
  return {
    protection: entry.protection ?? base.protection,
    leaseTtlMs: entry.lease?.ttl ?? base.leaseTtlMs,
    leaseMaxDocuments: entry.lease?.maxDocuments ?? base.leaseMaxDocuments,
    leaseMaxBytes: entry.lease?.maxBytes ?? base.leaseMaxBytes,
    cacheTtlMs: entry.cache?.ttl ?? base.cacheTtlMs,
    // A ttl of its own ends the outage with it: `ttl: 0s` must mean that nothing is served past a proof, whatever the default allows.
    outageLimitMs: entry.cache?.outageLimit ?? entry.cache?.ttl ?? base.outageLimitMs,
    allowedCallers: entry.allowedCallers === undefined ? base.allowedCallers : new Set(entry.allowedCallers),
    allowedPurposes: entry.allowedPurposes === undefined ? base.allowedPurposes : new Set(entry.allowedPurposes),
  };
}

/** How long data keys are read with where no file says otherwise, in milliseconds. */
export const BUILT_IN_CACHE_TTL_MS = BUILT_IN.cacheTtlMs;
