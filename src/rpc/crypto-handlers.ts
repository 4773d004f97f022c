import { parseKeyConfigurationId } from '../core/ids.ts';
import type { Status } from '../gen/google/rpc/status.ts';
import type {
  BatchDecryptRequest,
  BatchDecryptResponse,
  BatchEncryptRequest,
  BatchEncryptResponse,
  BatchRewrapRequest,
  BatchRewrapResponse,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  RewrapRequest,
  RewrapResponse,
} from '../gen/keyside/v1/crypto.ts';
import type { RequestMetadata } from '../gen/keyside/v1/metadata.ts';
import { eachItem, type ItemOutcome } from '../service/batch.ts';
import { decrypt } from '../service/decrypt.ts';
import { encrypt } from '../service/encrypt.ts';
import { rewrap } from '../service/rewrap.ts';
import type { Fields, ServiceParts } from '../service/service.ts';
import { type AuditedData, type AuditParts, audited } from './call-audit.ts';
import { checkBatch, checkFields, type RequestLimits, requireEdek } from './parse-document.ts';
import { toStatus } from './status.ts';
import type { ParsedCall, UnaryMethod } from './unary.ts';

const SERVICE = 'keyside.v1.CryptoService';

export interface HandlerParts extends AuditParts {
  readonly service: ServiceParts;
  readonly limits: RequestLimits;
}

/** What one document of any request has. */
interface DocumentMessage {
  readonly fields: Fields;
  readonly edek: Uint8Array;
  readonly context: ReadonlyMap<string, string>;
}

interface RewrapMessage {
  readonly edek: Uint8Array;
  readonly context: ReadonlyMap<string, string>;
}

/** One piece of a request on its way to a use case. */
interface Piece<M> {
  readonly call: ParsedCall;
  readonly message: M;
  readonly dataLabel: string;
  /** Of a batch's document; nothing is noted for each of those. */
  readonly itemId?: string;
}

export function encryptMethod(parts: HandlerParts): UnaryMethod<EncryptRequest, EncryptResponse> {
  return {
    name: `${SERVICE}/Encrypt`,
    operation: 'encrypt',
    auditKind: 'encrypt',
    outcomeShowsKey: true,
    handle: (request, call) => encryptOne(parts, { call, message: request, dataLabel: labelOf(request) }),
  };
}

export function decryptMethod(parts: HandlerParts): UnaryMethod<DecryptRequest, DecryptResponse> {
  return {
    name: `${SERVICE}/Decrypt`,
    operation: 'decrypt',
    auditKind: 'decrypt',
    outcomeShowsKey: true,
    handle: (request, call) => decryptOne(parts, { call, message: request, dataLabel: labelOf(request) }),
  };
}

export function rewrapMethod(parts: HandlerParts): UnaryMethod<RewrapRequest, RewrapResponse> {
  return {
    name: `${SERVICE}/Rewrap`,
    operation: 'rewrap',
    auditKind: 'rewrap',
    outcomeShowsKey: true,
    handle: async (request, call) => {
      const piece = { call, message: request, dataLabel: labelOf(request) };
      return rewrapOne(parts, piece, parseTarget(request.targetKeyId, call));
    },
  };
}

export function batchEncryptMethod(parts: HandlerParts): UnaryMethod<BatchEncryptRequest, BatchEncryptResponse> {
  return {
    name: `${SERVICE}/BatchEncrypt`,
    operation: 'encrypt',
    auditKind: 'encrypt',
    outcomeShowsKey: false,
    handle: (request, call) => batch(parts, { call, request }, (piece) => encryptOne(parts, piece)),
  };
}

export function batchDecryptMethod(parts: HandlerParts): UnaryMethod<BatchDecryptRequest, BatchDecryptResponse> {
  return {
    name: `${SERVICE}/BatchDecrypt`,
    operation: 'decrypt',
    auditKind: 'decrypt',
    outcomeShowsKey: false,
    handle: (request, call) => batch(parts, { call, request }, (piece) => decryptOne(parts, piece)),
  };
}

export function batchRewrapMethod(parts: HandlerParts): UnaryMethod<BatchRewrapRequest, BatchRewrapResponse> {
  return {
    name: `${SERVICE}/BatchRewrap`,
    operation: 'rewrap',
    auditKind: 'rewrap',
    outcomeShowsKey: false,
    handle: async (request, call) => {
      const target = parseTarget(request.targetKeyId, call);
      return batch(parts, { call, request }, (piece) => rewrapOne(parts, piece, target));
    },
  };
}

function encryptOne(
  parts: HandlerParts,
  { call, message, dataLabel, itemId }: Piece<DocumentMessage>,
): EncryptResponse | Promise<EncryptResponse> {
  const { fields, edek, context } = message;
  const data: AuditedData = { record: call.record, kind: 'encrypt', itemId: itemId ?? '', fields: fields.size, bytes: 0 };
  const { tenantId, scope } = call;
  return audited(parts, data, {
    work: () => {
      data.bytes = checkFields(fields, parts.limits, 'plaintext');
      if (itemId === undefined) call.note({ fields: fields.size, bytes: data.bytes });
      return encrypt(parts.service, { tenantId, fields, edek, context, dataLabel }, scope);
    },
  });
}

function decryptOne(
  parts: HandlerParts,
  { call, message, dataLabel, itemId }: Piece<DocumentMessage>,
): DecryptResponse | Promise<DecryptResponse> {
  const { fields, context } = message;
  const data: AuditedData = { record: call.record, kind: 'decrypt', itemId: itemId ?? '', fields: fields.size, bytes: 0 };
  const { tenantId, scope } = call;
  return audited(parts, data, {
    work: () => {
      const edek = requireEdek(message.edek);
      const bytes = checkFields(fields, parts.limits, 'ciphertext');
      if (itemId === undefined) call.note({ fields: fields.size, bytes });
      return decrypt(parts.service, { tenantId, fields, edek, context, dataLabel }, scope);
    },
    bytesOf: (opened) => totalBytes(opened.fields),
  });
}

function rewrapOne(
  parts: HandlerParts,
  { call, message, dataLabel, itemId }: Piece<RewrapMessage>,
  targetKeyId: ReturnType<typeof parseTarget>,
): RewrapResponse | Promise<RewrapResponse> {
  const { context } = message;
  const { tenantId, scope } = call;
  const data: AuditedData = { record: call.record, kind: 'rewrap', itemId: itemId ?? '', fields: 0, bytes: 0 };
  return audited(parts, data, {
    work: () => {
      const edek = requireEdek(message.edek);
      return rewrap(parts.service, { tenantId, edek, context, dataLabel, targetKeyId }, scope);
    },
  });
}

function totalBytes(fields: Fields): number {
  let total = 0;
  for (const value of fields.values()) total += value.length;
  return total;
}

interface BatchRequest<D> {
  readonly tenantId: string;
  readonly documents: readonly D[];
  readonly metadata?: RequestMetadata | undefined;
}

interface BatchResult<R> {
  readonly id: string;
  readonly document: R | undefined;
  readonly error: Status | undefined;
}

async function batch<D extends { readonly id: string }, R>(
  parts: HandlerParts,
  rpc: { call: ParsedCall; request: BatchRequest<D> },
  work: (piece: Piece<D>) => R | Promise<R>,
): Promise<{ results: BatchResult<R>[] }> {
  const { call, request } = rpc;
  checkBatch(request.documents, parts.limits);
  parts.service.tenants.get(call.tenantId);
  const dataLabel = labelOf(request);
  const workOn = (message: D): R | Promise<R> => work({ call, message, dataLabel, itemId: message.id });
  const outcomes = await eachItem(request.documents, workOn, call.scope);
  call.keyShown(outcomes.map((outcome) => ('error' in outcome ? outcome.error.reason : 'OK')));
  call.note({ documents: outcomes.length, failed: outcomes.filter((outcome) => 'error' in outcome).length });
  return { results: outcomes.map((outcome, at) => toResult((request.documents[at] as D).id, outcome)) };
}

function toResult<R>(id: string, outcome: ItemOutcome<R>): BatchResult<R> {
  return 'error' in outcome
    ? { id, document: undefined, error: toStatus(outcome.error) }
    : { id, document: outcome.value, error: undefined };
}

function labelOf({ metadata }: { readonly metadata?: RequestMetadata | undefined }): string {
  return metadata?.dataLabel ?? '';
}

/** Choosing a key other than the primary one needs a permission of its own. */
function parseTarget(targetKeyId: string, call: ParsedCall): ReturnType<typeof parseKeyConfigurationId> | undefined {
  if (targetKeyId === '') return undefined;
  call.assertAllowed('rewrap-target');
  return parseKeyConfigurationId(targetKeyId, 'target_key_id');
}
