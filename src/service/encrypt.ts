import { encodeContext } from '../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import { createDocument, openDocument } from '../envelope/document.ts';
import type { KeyBlock } from '../envelope/key-block.ts';
import { sealSmallDocument } from '../envelope/small-document.ts';
import type { WriteRequest } from '../keys/key-writer.ts';
import { assertWritable, authorize, keysOf, type WriteSet, writeSet } from '../tenants/policy.ts';
import { KeySource } from './key-source.ts';
import { fieldSealer } from './one-field.ts';
import { isOneTurn, noteFields, paceOf } from './pace.ts';
import type { CallScope, DocumentRequest, EncryptedDocument, Fields, ServiceParts } from './service.ts';
import { openStored } from './stored-document.ts';

/**
 * Encrypts a document's fields: under a new EDEK, or under the one given (an updated column). At once, without a promise, where the
 * data key is in memory and the document is small.
 * @throws {KeysideError} as CryptoService.Encrypt documents
 */
export function encrypt(
  parts: ServiceParts,
  request: DocumentRequest,
  scope: CallScope,
): EncryptedDocument | Promise<EncryptedDocument> {
  return request.edek.length === 0 ? encryptNew(parts, request, scope) : encryptAdded(parts, request, scope);
}

function encryptNew(
  parts: ServiceParts,
  request: DocumentRequest,
  scope: CallScope,
): EncryptedDocument | Promise<EncryptedDocument> {
  const { fields } = request;
  const tenant = parts.tenants.get(request.tenantId);
  const { dataLabel } = request;
  const { policy, isDeclared } = authorize({ tenant, label: dataLabel, callerId: scope.callerId, purpose: scope.purpose });
  const target = writeSet(tenant);
  assertWritable(tenant, target);
  const context = encodeContext({ tenantId: tenant.id, dataLabel, pairs: request.context });
  const declaredLabel = isDeclared ? dataLabel : undefined;
  const write = { tenant, target, declaredLabel, policy, bytes: totalBytes(fields) };
  const lent = isOneTurn(fields) ? parts.ring.writer.lend(write, scope) : undefined;
  if (lent === undefined) return encryptPaced(parts, { write, dataLabel, context, fields }, scope);
  const document = { dataLabel, context, keyBlock: lent.keyBlock };
  const sealed = sealSmallDocument(parts.cipher, lent.dataKey, { document, fields });
  noteFields(fields, scope);
  return { fields: sealed.fields, edek: sealed.edek, keyUse: { wraps: lent.keyBlock.wraps, from: 'cache' } };
}

interface NewFields {
  readonly write: WriteRequest;
  readonly dataLabel: string;
  readonly context: Uint8Array;
  readonly fields: Fields;
}

async function encryptPaced(parts: ServiceParts, request: NewFields, scope: CallScope): Promise<EncryptedDocument> {
  const { write, dataLabel, context, fields } = request;
  const source = new KeySource();
  const written = await parts.ring.writer.take({ ...write, onLookup: source.onLookup }, scope);
  using dataKey = written.dataKey;
  const { document, edek } = createDocument(parts.cipher, dataKey, { dataLabel, context, keyBlock: written.keyBlock });
  using _ = document.fieldKey;
  const sealed = await sealAll(fields, fieldSealer(parts, scope, { document, isNew: true }), scope);
  return { fields: sealed, edek, keyUse: { wraps: written.keyBlock.wraps, from: source.from } };
}

async function encryptAdded(parts: ServiceParts, request: DocumentRequest, scope: CallScope): Promise<EncryptedDocument> {
  const stored = await openStored(parts, { ...request, kinds: ['document'], use: 'encrypt' }, scope);
  using dataKey = stored.dataKey;
  const document = openDocument(parts.cipher, dataKey, stored);
  if (document === undefined) throw ciphertextRejected('the commitment differs');
  using _ = document.fieldKey;
  const target = writeSet(stored.tenant);
  assertWritable(stored.tenant, target);
  if (!isWrappedUnder(stored.header.keyBlock, target)) {
    const [[{ id: keyId }]] = target;
    const message = `the edek is not wrapped as new data is, under ${keysOf(target)
      .map(({ id }) => id)
      .join(', ')}: rewrap it first`;
    throw new KeysideError('POLICY_DENIED', message, { details: { tenantId: stored.tenant.id, keyId } });
  }
  const seal = fieldSealer(parts, scope, { document, isNew: false });
  return { fields: await sealAll(request.fields, seal, scope), edek: request.edek, keyUse: stored.keyUse };
}

/** Whether a block's wraps are of exactly these keys, each with its share. */
function isWrappedUnder({ wraps }: KeyBlock, target: WriteSet): boolean {
  const isSplit = target.length > 1;
  const wanted = target.flatMap((share, at) => share.map(({ id }) => `${isSplit ? at + 1 : 0} ${id}`));
  const stored = wraps.map((wrap) => `${wrap.share} ${wrap.configurationId}`);
  return wanted.length === stored.length && wanted.toSorted().join('\n') === stored.toSorted().join('\n');
}

async function sealAll(fields: Fields, seal: ReturnType<typeof fieldSealer>, scope: CallScope): Promise<Map<string, Uint8Array>> {
  const pace = paceOf(scope);
  const sealed = new Map<string, Uint8Array>();
  for (const [name, value] of fields) {
    const result = seal(name, value);
    sealed.set(name, result instanceof Promise ? await result : result);
    if (pace.isDueAfterField(value.length)) await pace.rest();
  }
  return sealed;
}

function totalBytes(fields: Fields): number {
  let total = 0;
  for (const value of fields.values()) total += value.length;
  return total;
}
