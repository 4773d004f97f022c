import { KeysideError } from '../core/errors.ts';
import type { KeyConfigurationId } from '../core/ids.ts';
import { isLowerCustody } from '../core/providers.ts';
import type { KeyConfiguration, LabelPolicy, Tenant } from './tenant.ts';

/** The longest part of a purpose that is repeated in a refusal, in characters. */
const SHOWN_CHARACTERS = 64;

export interface ApplicablePolicy {
  readonly policy: LabelPolicy;
  /** False where the tenant's default stands in, for labels that policy does not declare: those share one lease. */
  readonly isDeclared: boolean;
}

/** The policy that data under this label is protected by. */
export function labelPolicy(tenant: Tenant, label: string): ApplicablePolicy {
  const declared = tenant.labelPolicies.get(label);
  return declared === undefined ? { policy: tenant.defaultPolicy, isDeclared: false } : { policy: declared, isDeclared: true };
}

export interface UseRequest {
  readonly tenant: Tenant;
  readonly label: string;
  readonly callerId: string;
  /** What the request states; empty: nothing. */
  readonly purpose: string;
}

/**
 * Judges whether the caller may use data under this label for the stated purpose, and returns the policy that said so.
 * @throws {KeysideError} POLICY_DENIED
 */
export function authorize(request: UseRequest): ApplicablePolicy {
  const applicable = labelPolicy(request.tenant, request.label);
  const { allowedCallers, allowedPurposes } = applicable.policy;
  if (allowedCallers !== undefined && !allowedCallers.has(request.callerId)) {
    throw denied(request, `does not allow caller ${request.callerId}`);
  }
  if (allowedPurposes !== undefined && !allowedPurposes.has(request.purpose)) {
    throw denied(request, request.purpose === '' ? 'asks for a purpose' : `does not allow purpose ${shown(request.purpose)}`);
  }
  return applicable;
}

function denied(request: UseRequest, verdict: string): KeysideError {
  const { tenant, label, callerId } = request;
  const policy = tenant.labelPolicies.has(label) ? `the policy of label ${shown(label)}` : 'the default policy';
  return new KeysideError('POLICY_DENIED', `${policy} of tenant ${tenant.id} ${verdict}`, {
    details: { tenantId: tenant.id, callerId },
  });
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}

/** Prepared once a snapshot, on first use, and let go with it. */
interface KeyIndex {
  readonly writeSet: WriteSet | undefined;
  readonly byId: ReadonlyMap<string, KeyConfiguration>;
}

const indexes = new WeakMap<Tenant, KeyIndex>();

function keyIndex(tenant: Tenant): KeyIndex {
  let index = indexes.get(tenant);
  if (index === undefined) {
    const byId = new Map<string, KeyConfiguration>(tenant.keys.map((key) => [key.id, key]));
    index = { writeSet: resolveWriteSet(tenant, byId), byId };
    indexes.set(tenant, index);
  }
  return index;
}

/**
 * The key of which new data is said to be: the primary one, or the first of the write set.
 * @throws {KeysideError} NO_PRIMARY_KEY
 */
export function primaryKey(tenant: Tenant): KeyConfiguration {
  const [[first]] = writeSet(tenant);
  return first;
}

/** Under which keys a data key is wrapped: a list for each share, alternatives within each; every list has at least one. */
export type WriteSet = readonly [NonEmpty<KeyConfiguration>, ...NonEmpty<KeyConfiguration>[]];

type NonEmpty<T> = readonly [T, ...T[]];

/**
 * The complete set of keys that new data is wrapped under.
 * @throws {KeysideError} NO_PRIMARY_KEY
 */
export function writeSet(tenant: Tenant): WriteSet {
  const { writeSet: configured } = keyIndex(tenant);
  if (configured === undefined) {
    throw new KeysideError('NO_PRIMARY_KEY', `tenant ${tenant.id} has no primary key`, { details: { tenantId: tenant.id } });
  }
  return configured;
}

/** Every key of a write set, share after share. */
export function keysOf(set: WriteSet): readonly KeyConfiguration[] {
  return set.flat();
}

function resolveWriteSet(tenant: Tenant, byId: ReadonlyMap<string, KeyConfiguration>): WriteSet | undefined {
  if (tenant.writeSet === undefined) {
    const primary = tenant.keys.find((key) => key.state === 'primary');
    return primary && [[primary]];
  }
  const shares = tenant.writeSet.map((share) => share.flatMap((id) => byId.get(id) ?? []));
  // Precondition of the configuration's checks: every id is a key's, and no list is empty.
  return shares.length > 0 && shares.every((share) => share.length > 0) ? (shares as unknown as WriteSet) : undefined;
}

/** The tenant's own key of this id, or the vendor's default where it serves the tenant; undefined for every other key. */
export function configurationFor(tenant: Tenant, configurationId: KeyConfigurationId): KeyConfiguration | undefined {
  return keyIndex(tenant).byId.get(configurationId);
}

/**
 * Precondition of every use of a key, for writing and for reading, before a cache or a KMS is asked.
 * @throws {KeysideError} KEY_DISABLED_HERE where the configuration is disabled, POLICY_DENIED where its custody is below the tenant's
 * minimum, or where the key or this daemon is outside the tenant's regions
 */
export function assertUsable(tenant: Tenant, configuration: KeyConfiguration): void {
  const isDisabled = configuration.state === 'disabled';
  const fault = isDisabled ? undefined : (custodyFault(tenant, configuration) ?? residencyFault(tenant, configuration));
  if (!isDisabled && fault === undefined) return;
  const details = { tenantId: tenant.id, keyId: configuration.id, provider: configuration.provider };
  if (fault !== undefined) throw new KeysideError('POLICY_DENIED', fault, { details });
  throw new KeysideError('KEY_DISABLED_HERE', `key ${configuration.id} is disabled in the configuration`, { details });
}

/**
 * Precondition of every use of a set of keys: as many are needed together as the tenant demands.
 * @throws {KeysideError} POLICY_DENIED
 */
export function assertEnoughShares(tenant: Tenant, shareCount: number): void {
  const shares = Math.max(1, shareCount);
  if (shares >= tenant.minimumShares) return;
  throw new KeysideError(
    'POLICY_DENIED',
    `tenant ${tenant.id} asks for ${tenant.minimumShares} keys together, ${shares} would do`,
    {
      details: { tenantId: tenant.id },
    },
  );
}

/**
 * Precondition of writing under a set of keys.
 * @throws {KeysideError} as `assertUsable` for any of them, and as `assertEnoughShares`
 */
export function assertWritable(tenant: Tenant, set: WriteSet): void {
  for (const share of set) for (const configuration of share) assertUsable(tenant, configuration);
  assertEnoughShares(tenant, set.length);
}

function custodyFault(tenant: Tenant, { id, custody }: KeyConfiguration): string | undefined {
  if (!isLowerCustody(custody, tenant.minimumCustody)) return undefined;
  return `key ${id} is in ${custody} custody, tenant ${tenant.id} asks for ${tenant.minimumCustody} at least`;
}

function residencyFault(tenant: Tenant, { id, region }: KeyConfiguration): string | undefined {
  const { allowedRegions, servedFrom } = tenant;
  if (allowedRegions === undefined) return undefined;
  if (servedFrom === undefined || !allowedRegions.has(servedFrom)) {
    return `this daemon is ${place(servedFrom)}, outside the regions of tenant ${tenant.id}`;
  }
  if (region === undefined || !allowedRegions.has(region)) {
    return `key ${id} is ${place(region)}, outside the regions of tenant ${tenant.id}`;
  }
  return undefined;
}

function place(region: string | undefined): string {
  return region === undefined ? 'in no stated region' : `in region ${region}`;
}
