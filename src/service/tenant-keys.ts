import { aboutKey, KeysideError } from '../core/errors.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import { DATA_KEY_BYTES } from '../core/providers.ts';
import { SecretBytes } from '../core/secret-bytes.ts';
import type { KeyState } from '../kms/kms.ts';
import { assertUsable, configurationFor, primaryKey } from '../tenants/policy.ts';
import type { KeyConfiguration } from '../tenants/tenant.ts';
import type { CallScope, ServiceParts } from './service.ts';

export interface KeyRequest {
  readonly tenantId: TenantId;
  readonly keyId: KeyConfigurationId | undefined;
}

/** What a probe of a key found, as far as it came. */
export interface KeyCheck {
  readonly configuration: KeyConfiguration;
  kmsState: KeyState;
  keyVersion: string;
  wrapMs: number | undefined;
  unwrapMs: number | undefined;
  /** Why the key is not usable; undefined where it is. */
  error: KeysideError | undefined;
}

/** A tenant's key configurations, in the order of the configuration. */
export function listKeys(parts: Pick<ServiceParts, 'tenants'>, tenantId: TenantId): readonly KeyConfiguration[] {
  return parts.tenants.get(tenantId).keys;
}

/** Forgets a tenant's data keys in this process now. Returns how many there were. */
export function dropKeys(parts: ServiceParts, request: KeyRequest): number {
  const tenant = parts.tenants.get(request.tenantId);
  const { keyId: configurationId } = request;
  return parts.ring.dropTenant(tenant.id, configurationId === undefined ? {} : { configurationId });
}

/**
 * The same in all processes of the daemon. Returns how many there were in all.
 * @throws {KeysideError} INTERNAL where one of them does not confirm it
 */
export async function dropKeysEverywhere(parts: ServiceParts, request: KeyRequest): Promise<number> {
  const here = dropKeys(parts, request);
  const elsewhere = await parts.peers?.dropKeys(request.tenantId, request.keyId);
  return here + (elsewhere ?? 0);
}

/**
 * Probes a key end to end: wraps random bytes, unwraps and compares them, asks for the key's state. A key that fails is a finding.
 * @throws {KeysideError} KEY_NOT_FOUND or NO_PRIMARY_KEY where there is no such configuration; AUDIT_UNAVAILABLE
 */
export async function checkKey(parts: ServiceParts, request: KeyRequest, scope: CallScope): Promise<KeyCheck> {
  const tenant = parts.tenants.get(request.tenantId);
  const configuration = request.keyId === undefined ? primaryKey(tenant) : configurationFor(tenant, request.keyId);
  if (configuration === undefined) {
    throw new KeysideError('KEY_NOT_FOUND', `tenant ${tenant.id} has no key ${request.keyId}`, {
      details: { tenantId: tenant.id },
    });
  }
  const check: KeyCheck = {
    configuration,
    kmsState: 'unknown',
    keyVersion: '',
    wrapMs: undefined,
    unwrapMs: undefined,
    error: undefined,
  };
  try {
    assertUsable(tenant, configuration);
    await probe(parts, check, { tenantId: tenant.id, scope });
  } catch (error) {
    // What is ours to mend is no finding about the key.
    if (!(error instanceof KeysideError) || error.reason === 'INTERNAL' || error.reason === 'AUDIT_UNAVAILABLE') throw error;
    scope.assertLive();
    check.error = aboutKey(error, { tenantId: tenant.id, keyId: configuration.id });
    parts.ring.learn(error, { configurationId: configuration.id, keyVersion: check.keyVersion });
  }
  return check;
}

async function probe(parts: ServiceParts, check: KeyCheck, call: { tenantId: TenantId; scope: CallScope }): Promise<void> {
  const { configuration } = check;
  const key = parts.keys.key(configuration);
  const state = key.describe(call.scope).then(
    (description) => description.state,
    () => 'unknown' as const, // a key may be usable by one who may not describe it; the wrap below tells
  );
  const context = { tenantId: call.tenantId, configurationId: configuration.id, share: 0, shareCount: 0 };
  using dataKey = SecretBytes.own(parts.cipher.random(DATA_KEY_BYTES));
  try {
    const wrapAt = performance.now();
    const wrapped = await key.wrap({ dataKey, context }, call.scope);
    check.wrapMs = performance.now() - wrapAt;
    check.keyVersion = wrapped.keyVersion;
    const unwrapAt = performance.now();
    using opened = await key.unwrap({ wrapped, context }, call.scope);
    check.unwrapMs = performance.now() - unwrapAt;
    if (!opened.equals(dataKey)) {
      throw new KeysideError('KEY_MISCONFIGURED', `key ${configuration.id} does not unwrap what it wrapped`);
    }
  } finally {
    check.kmsState = await state;
  }
}
