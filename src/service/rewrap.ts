import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import type { KeyConfigurationId } from '../core/ids.ts';
import { type Custody, isLowerCustody } from '../core/providers.ts';
import { isCommittedTo } from '../envelope/derive.ts';
import { encodeHeader } from '../envelope/header.ts';
import type { KeyBlock } from '../envelope/key-block.ts';
import { assertWritable, configurationFor, type WriteSet, writeSet } from '../tenants/policy.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';
import { KeySource } from './key-source.ts';
import type { CallScope, KeyUse, ServiceParts } from './service.ts';
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
  /** Of the new wraps, which are those of `edek` or the same as its. */
  readonly keyUse: KeyUse;
  /** Of the wraps that the data key was opened with. */
  readonly oldKeyUse: KeyUse;
}

/**
 * Wraps a document's or object's data key again. The old block is verified first; the new one was unwrapped and compared before it
 * is returned. Custody and the number of shares never fall.
 * @throws {KeysideError} as CryptoService.Rewrap documents; POLICY_DENIED where custody or shares would fall
 */
export async function rewrap(parts: ServiceParts, request: RewrapRequest, scope: CallScope): Promise<Rewrapped> {
  const tenant = parts.tenants.get(request.tenantId);
  const target = targetOf(tenant, request.targetKeyId);
  assertWritable(tenant, target);
  const stored = await openStored(parts, { ...request, kinds: ['document', 'object'], use: 'read' }, scope);
  using dataKey = stored.dataKey;
  if (!isCommittedTo(parts.cipher, dataKey, stored)) throw ciphertextRejected('the commitment differs');
  const oldBlock = stored.header.keyBlock;
  assertNoWeaker(tenant, oldBlock, target);
  const source = new KeySource();
  const keyBlock = await parts.ring.writer.rewrap({ tenant, target, oldBlock, dataKey, onLookup: source.onLookup }, scope);
  const changed = !isSameVersion(oldBlock, keyBlock);
  return {
    edek: changed ? encodeHeader({ ...stored.header, keyBlock }) : request.edek,
    keyId: target[0][0].id,
    changed,
    keyUse: { wraps: keyBlock.wraps, from: source.from },
    oldKeyUse: stored.keyUse,
  };
}

function targetOf(tenant: Tenant, keyId: KeyConfigurationId | undefined): WriteSet {
  if (keyId === undefined) return writeSet(tenant);
  const configuration = configurationFor(tenant, keyId);
  if (configuration !== undefined) return [[configuration]];
  throw new KeysideError('KEY_NOT_FOUND', `tenant ${tenant.id} has no key ${keyId}`, { details: { tenantId: tenant.id, keyId } });
}

function assertNoWeaker(tenant: Tenant, oldBlock: KeyBlock, target: WriteSet): void {
  const details = { tenantId: tenant.id, keyId: target[0][0].id };
  const oldShares = Math.max(1, oldBlock.shareCount);
  if (target.length < oldShares) {
    throw new KeysideError('POLICY_DENIED', `the edek needs ${oldShares} keys, ${target.length} would replace them`, { details });
  }
  const byShare = Map.groupBy(oldBlock.wraps, (wrap) => wrap.share).values();
  const custodyOf = (id: KeyConfigurationId): Custody => (configurationFor(tenant, id) as KeyConfiguration).custody;
  const before = custody([...byShare].map((share) => share.map((wrap) => custodyOf(wrap.configurationId))));
  const after = custody(target.map((share) => share.map((configuration) => configuration.custody)));
  if (!isLowerCustody(after, before)) return;
  throw new KeysideError('POLICY_DENIED', `the edek is in ${before} custody, ${after} custody would weaken it`, { details });
}

/** A share is as strong as its weakest alternative, shares that are needed together as the strongest of them. */
function custody(shares: readonly (readonly Custody[])[]): Custody {
  const weakest = (a: Custody, b: Custody): Custody => (isLowerCustody(b, a) ? b : a);
  const strongest = (a: Custody, b: Custody): Custody => (isLowerCustody(a, b) ? b : a);
  return shares.map((share) => share.reduce(weakest)).reduce(strongest);
}

function isSameVersion(oldBlock: KeyBlock, newBlock: KeyBlock): boolean {
  const identity = ({ wraps }: KeyBlock): string =>
    JSON.stringify(wraps.map((wrap) => [wrap.configurationId, wrap.algorithm, wrap.keyVersion, wrap.share]).sort());
  return identity(oldBlock) === identity(newBlock);
}
