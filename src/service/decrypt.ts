import { ciphertextRejected, type KeysideError } from '../core/errors.ts';
import { openDocument } from '../envelope/document.ts';
import { isOfOneStep, openSmallDocument } from '../envelope/small-document.ts';
import { fieldOpener } from './one-field.ts';
import { isOneTurn, noteFields, paceOf } from './pace.ts';
import type { CallScope, DocumentRequest, Fields, PlaintextDocument, ServiceParts } from './service.ts';
import { type Judged, judgeStored, openJudged } from './stored-document.ts';

const DOCUMENTS = ['document'] as const;

/**
 * Decrypts the given fields of a document: all of them or none. With no fields it proves that the EDEK opens. At once, without a
 * promise, where the data key is in memory and the document is small.
 * @throws {KeysideError} as CryptoService.Decrypt documents
 */
export function decrypt(
  parts: ServiceParts,
  request: DocumentRequest,
  scope: CallScope,
): PlaintextDocument | Promise<PlaintextDocument> {
  const { tenantId, edek, context, dataLabel, fields } = request;
  const judged = judgeStored(parts, { tenantId, edek, context, dataLabel, kinds: DOCUMENTS, use: 'read' }, scope);
  const isSmall = isOneTurn(fields) && isOfOneStep(fields);
  const lent = isSmall ? parts.ring.reader.lend(judged.read, scope) : undefined;
  if (lent === undefined) return decryptPaced(parts, { judged, fields }, scope);
  const opened = openSmallDocument(parts.cipher, lent, { header: judged.header, context: judged.context, fields });
  if (opened === 'other key') throw otherKey();
  if (opened === 'altered') throw altered();
  noteFields(fields, scope);
  return { fields: opened, keyUse: { wraps: judged.header.keyBlock.wraps, from: 'cache' } };
}

async function decryptPaced(
  parts: ServiceParts,
  { judged, fields }: { judged: Judged; fields: Fields },
  scope: CallScope,
): Promise<PlaintextDocument> {
  const stored = await openJudged(parts, judged, scope);
  using dataKey = stored.dataKey;
  const document = openDocument(parts.cipher, dataKey, stored);
  if (document === undefined) throw otherKey();
  using _ = document.fieldKey;
  return { fields: await openAll(fields, fieldOpener(parts, scope, document), scope), keyUse: stored.keyUse };
}

async function openAll(
  sealedFields: Fields,
  open: ReturnType<typeof fieldOpener>,
  scope: CallScope,
): Promise<Map<string, Uint8Array>> {
  const pace = paceOf(scope);
  const fields = new Map<string, Uint8Array>();
  try {
    for (const [name, sealed] of sealedFields) {
      const result = open(name, sealed);
      const plaintext = result instanceof Promise ? await result : result;
      if (plaintext === undefined) throw altered();
      fields.set(name, plaintext);
      if (pace.isDueAfterField(plaintext.length)) await pace.rest();
    }
    return fields;
  } catch (error) {
    for (const opened of fields.values()) opened.fill(0);
    throw error;
  }
}

function otherKey(): KeysideError {
  return ciphertextRejected('the commitment differs');
}

function altered(): KeysideError {
  return ciphertextRejected('a field does not verify');
}
