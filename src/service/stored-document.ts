import { encodeContext } from '../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { isCommittedTo } from '../envelope/derive.ts';
import { type Header, type HeaderKind, parseHeader } from '../envelope/header.ts';
import type { ReadRequest } from '../keys/key-reader.ts';
import { authorize } from '../tenants/policy.ts';
import type { LabelPolicy, Tenant } from '../tenants/tenant.ts';
import { KeySource } from './key-source.ts';
import type { CallScope, KeyUse, ServiceParts } from './service.ts';

export interface StoredRequest {
  readonly tenantId: TenantId;
  readonly edek: Uint8Array;
  readonly context: ReadonlyMap<string, string>;
  /** What the caller claims the label to be; empty: nothing. */
  readonly dataLabel: string;
}

/** What a stored document or object is to be used for. */
export interface StoredUse extends StoredRequest {
  readonly kinds: readonly HeaderKind[];
  readonly use: 'read' | 'encrypt';
}

/** A stored document or object whose data key was found and verified. */
export interface Verified {
  readonly tenant: Tenant;
  readonly header: Header;
  /** Canonical context bytes. */
  readonly context: Uint8Array;
  readonly policy: LabelPolicy;
  /** The request's own copy, to wipe. */
  readonly dataKey: SecretBytes;
  readonly keyUse: KeyUse;
}

/**
 * The common way of every use of a stored key block (docs/format.md, section 6): parse; judge caller, label and configuration; then
 * ask the cache or the KMS; then compare the commitment.
 * @throws {KeysideError} EDEK_MALFORMED, CIPHERTEXT_REJECTED, POLICY_DENIED, TENANT_UNKNOWN, or what the KMS said
 */
export async function openStored(parts: ServiceParts, request: StoredUse, scope: CallScope): Promise<Verified> {
  return openJudged(parts, judgeStored(parts, request, scope), scope);
}

/** What may be used, as far as the configuration can tell: its data key is still to be found and to be verified. */
export interface Judged {
  readonly tenant: Tenant;
  readonly header: Header;
  /** Canonical context bytes. */
  readonly context: Uint8Array;
  readonly read: ReadRequest;
}

/**
 * The first part of `openStored`, before any cache or KMS is asked.
 * @throws {KeysideError} EDEK_MALFORMED, CIPHERTEXT_REJECTED, POLICY_DENIED, TENANT_UNKNOWN
 */
export function judgeStored(parts: ServiceParts, request: StoredUse, scope: CallScope): Judged {
  const tenant = parts.tenants.get(request.tenantId);
  const header = parseHeader(request.edek);
  if (!request.kinds.includes(header.kind)) {
    const found = header.kind === 'object' ? "a sealed object's header" : "a document's, not an object's header";
    throw new KeysideError('EDEK_MALFORMED', `the edek is ${found}`);
  }
  if (request.dataLabel !== '' && request.dataLabel !== header.dataLabel) throw ciphertextRejected('another label is stored');
  const { policy } = authorize({ tenant, label: header.dataLabel, callerId: scope.callerId, purpose: scope.purpose });
  const context = encodeContext({ tenantId: tenant.id, dataLabel: header.dataLabel, pairs: request.context });
  const verifies = (dataKey: SecretBytes): boolean => isCommittedTo(parts.cipher, dataKey, { header, context });
  // A data key encrypts for lease.ttl after its proof, however long an outage lets it be read with.
  const maxAgeMs = request.use === 'encrypt' ? policy.leaseTtlMs : Number.POSITIVE_INFINITY;
  return { tenant, header, context, read: { tenant, keyBlock: header.keyBlock, policy, maxAgeMs, verifies } };
}

/**
 * The second part of `openStored`.
 * @throws {KeysideError} CIPHERTEXT_REJECTED, KEY_DISABLED_HERE, POLICY_DENIED, or what the KMS said
 */
export async function openJudged(parts: ServiceParts, judged: Judged, scope: CallScope): Promise<Verified> {
  const { tenant, header, context, read } = judged;
  const source = new KeySource();
  const dataKey = await parts.ring.reader.open({ ...read, onLookup: source.onLookup }, scope);
  const keyUse = { wraps: header.keyBlock.wraps, from: source.from };
  return { tenant, header, context, policy: read.policy, dataKey, keyUse };
}
