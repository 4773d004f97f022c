import { encodeContext } from '../core/encryption-context.ts';
import type { TenantId } from '../core/ids.ts';
import { ChunkSealer } from '../envelope/chunk-sealer.ts';
import { encodeHeader, SALT_BYTES } from '../envelope/header.ts';
import { deriveObject } from '../envelope/object-key.ts';
import { assertWritable, authorize, writeSet } from '../tenants/policy.ts';
import { KeySource } from './key-source.ts';
import { OngoingUse } from './ongoing-use.ts';
import type { CallScope, KeyUse, ServiceParts } from './service.ts';

export interface ObjectRequest {
  readonly tenantId: TenantId;
  readonly context: ReadonlyMap<string, string>;
  readonly dataLabel: string;
}

export interface ObjectSealing {
  /** The object's header, to store. */
  readonly edek: Uint8Array;
  /** The caller's to wipe. */
  readonly sealer: ChunkSealer;
  /** To be asked with every chunk. */
  readonly use: OngoingUse;
  readonly keyUse: KeyUse;
}

/**
 * Begins a sealed object (docs/format.md, section 5) under the tenant's present key.
 * @throws {KeysideError} as CryptoService.EncryptStream documents
 */
export async function sealObject(parts: ServiceParts, request: ObjectRequest, scope: CallScope): Promise<ObjectSealing> {
  const { cipher, ring } = parts;
  const { dataLabel } = request;
  const tenant = parts.tenants.get(request.tenantId);
  const { policy, isDeclared } = authorize({ tenant, label: dataLabel, callerId: scope.callerId, purpose: scope.purpose });
  const target = writeSet(tenant);
  assertWritable(tenant, target);
  const context = encodeContext({ tenantId: tenant.id, dataLabel, pairs: request.context });
  const declaredLabel = isDeclared ? dataLabel : undefined;
  // An object has a key of its own: to the lease it is one use, whatever its size.
  const source = new KeySource();
  const write = { tenant, target, declaredLabel, policy, bytes: 0, onLookup: source.onLookup };
  const written = await ring.writer.take(write, scope);
  using dataKey = written.dataKey;
  const salt = cipher.random(SALT_BYTES);
  const { key, commitment } = deriveObject(cipher, dataKey, { salt, context });
  using objectKey = key;
  const edek = encodeHeader({ kind: 'object', dataLabel, salt, commitment, keyBlock: written.keyBlock });
  const use = new OngoingUse(parts, { ...request, edek, kinds: ['object'], use: 'encrypt' }, scope);
  const keyUse = { wraps: written.keyBlock.wraps, from: source.from };
  return { edek, sealer: new ChunkSealer(cipher, objectKey), use, keyUse };
}
