import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import type { KeyConfigurationId } from '../core/ids.ts';
import { type Custody, isLowerCustody } from '../core/providers.ts';
import { deriveVerified } from '../envelope/derive.ts';
import { encodeHeader } from '../envelope/header.ts';
import type { KeyBlock } from '../envelope/key-block.ts';
import { assertUsable, configurationFor, primaryKey } from '../tenants/policy.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';
import type { CallScope, ServiceParts } from './service.ts';
import { openStored, type StoredRequest } from './stored-document.ts';

export interface RewrapRequest extends StoredRequest {
  /** Undefined: the tenant's primary key. */
  readonly targetKeyId: KeyConfigurationId | undefined;
}

export interface Rewrapped {
  readonly edek: Uint8Array;
  readonly keyId: KeyConfigurationId;
  /** False where the EDEK is already under the present version of the key; `edek` is then the one given. */
  readonly changed: boolean;
}

/**
 * Wraps a document's or object's data key again. The old block is verified first; the new one was unwrapped and compared before it
 * is returned. Custody and the number of shares never fall.
 * @throws {KeysideError} as CryptoService.Rewrap documents; POLICY_DENIED where custody or shares would fall
 */
export async function rewrap(parts: ServiceParts, request: RewrapRequest, scope: CallScope): Promise<Rewrapped> {
  const tenant = parts.tenants.get(request.tenantId);
  const configuration = target(tenant, request.targetKeyId);
  assertUsable(tenant, configuration);
  const stored = await openStored(parts, { ...request, kinds: ['document', 'object'], use: 'read' }, scope);
  using dataKey = stored.dataKey;
  if (deriveVerified(parts.cipher, dataKey, stored) === undefined) throw ciphertextRejected('the commitment differs');
  const oldBlock = stored.header.keyBlock;
  assertNoWeaker(tenant, oldBlock, configuration);
  const keyBlock = await parts.ring.writer.rewrap({ tenant, configuration, oldBlock, dataKey }, scope);
  if (isSameVersion(oldBlock, keyBlock)) return { edek: request.edek, keyId: configuration.id, changed: false };
  return { edek: encodeHeader({ ...stored.header, keyBlock }), keyId: configuration.id, changed: true };
}

function target(tenant: Tenant, keyId: KeyConfigurationId | undefined): KeyConfiguration {
  if (keyId === undefined) return primaryKey(tenant);
  const configuration = configurationFor(tenant, keyId);
  if (configuration !== undefined) return configuration;
  throw new KeysideError('KEY_NOT_FOUND', `tenant ${tenant.id} has no key ${keyId}`, { details: { tenantId: tenant.id, keyId } });
}

/** What protects a block is its weakest alternative. */
function assertNoWeaker(tenant: Tenant, oldBlock: KeyBlock, configuration: KeyConfiguration): void {
  const details = { tenantId: tenant.id, keyId: configuration.id };
  if (oldBlock.shareCount > 1) {
    throw new KeysideError('POLICY_DENIED', `the edek needs ${oldBlock.shareCount} keys, one key would replace them`, {
      details,
    });
  }
  const custodies = oldBlock.wraps.map((wrap) => (configurationFor(tenant, wrap.configurationId) as KeyConfiguration).custody);
  const weakest = custodies.reduce((a: Custody, b) => (isLowerCustody(b, a) ? b : a));
  if (!isLowerCustody(configuration.custody, weakest)) return;
  throw new KeysideError(
    'POLICY_DENIED',
    `the edek is in ${weakest} custody, key ${configuration.id} in ${configuration.custody} custody would weaken it`,
    { details },
  );
}

function isSameVersion(oldBlock: KeyBlock, newBlock: KeyBlock): boolean {
  const identity = ({ wraps }: KeyBlock): string =>
    JSON.stringify(wraps.map((wrap) => [wrap.configurationId, wrap.algorithm, wrap.keyVersion, wrap.share]).sort());
  return identity(oldBlock) === identity(newBlock);
}
