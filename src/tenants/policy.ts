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
  readonly primary: KeyConfiguration | undefined;
  readonly byId: ReadonlyMap<string, KeyConfiguration>;
}

const indexes = new WeakMap<Tenant, KeyIndex>();

function keyIndex(tenant: Tenant): KeyIndex {
  let index = indexes.get(tenant);
  if (index === undefined) {
    index = {
      primary: tenant.keys.find((key) => key.state === 'primary'),
      byId: new Map(tenant.keys.map((key) => [key.id, key])),
    };
    indexes.set(tenant, index);
  }
  return index;
}

/**
 * The key that new data is encrypted under.
 * @throws {KeysideError} NO_PRIMARY_KEY
 */
export function primaryKey(tenant: Tenant): KeyConfiguration {
  const { primary } = keyIndex(tenant);
  if (primary === undefined) {
    throw new KeysideError('NO_PRIMARY_KEY', `tenant ${tenant.id} has no primary key`, { details: { tenantId: tenant.id } });
  }
  return primary;
}

/** The tenant's own key of this id, or the vendor's default where it serves the tenant; undefined for every other key. */
export function configurationFor(tenant: Tenant, configurationId: KeyConfigurationId): KeyConfiguration | undefined {
  return keyIndex(tenant).byId.get(configurationId);
}

/**
 * Precondition of every use of a key, for writing and for reading, before a cache or a KMS is asked.
 * @throws {KeysideError} KEY_DISABLED_HERE where the configuration is disabled, POLICY_DENIED where its custody is below the tenant's
 * minimum
 */
export function assertUsable(tenant: Tenant, configuration: KeyConfiguration): void {
  const details = { tenantId: tenant.id, keyId: configuration.id, provider: configuration.provider };
  if (configuration.state === 'disabled') {
    throw new KeysideError('KEY_DISABLED_HERE', `key ${configuration.id} is disabled in the configuration`, { details });
  }
  if (isLowerCustody(configuration.custody, tenant.minimumCustody)) {
    throw new KeysideError(
      'POLICY_DENIED',
      `key ${configuration.id} is in ${configuration.custody} custody, tenant ${tenant.id} asks for ${tenant.minimumCustody} at least`,
      { details },
    );
  }
}
