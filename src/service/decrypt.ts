import { ciphertextRejected } from '../core/errors.ts';
import { openDocument } from '../envelope/document.ts';
import { type OpenDocument, openField } from '../envelope/field.ts';
import { paceOf } from './pace.ts';
import type { CallScope, DocumentRequest, Fields, PlaintextDocument, ServiceParts } from './service.ts';
import { openStored } from './stored-document.ts';

/**
 * Decrypts the given fields of a document: all of them or none. With no fields it proves that the EDEK opens.
 * @throws {KeysideError} as CryptoService.Decrypt documents
 */
export async function decrypt(parts: ServiceParts, request: DocumentRequest, scope: CallScope): Promise<PlaintextDocument> {
  const stored = await openStored(parts, { ...request, kinds: ['document'], use: 'read' }, scope);
  using dataKey = stored.dataKey;
  const document = openDocument(parts.cipher, dataKey, stored);
  if (document === undefined) throw ciphertextRejected('the commitment differs');
  return { fields: await openAll(document, request.fields, scope) };
}

async function openAll(document: OpenDocument, sealedFields: Fields, scope: CallScope): Promise<Map<string, Uint8Array>> {
  const pace = paceOf(scope);
  const fields = new Map<string, Uint8Array>();
  try {
    for (const [name, sealed] of sealedFields) {
      const plaintext = openField(document, name, sealed);
      if (plaintext === undefined) throw ciphertextRejected('a field does not verify');
      fields.set(name, plaintext);
      if (pace.isDueAfterField(plaintext.length)) await pace.rest();
    }
    return fields;
  } catch (error) {
    for (const opened of fields.values()) opened.fill(0);
    throw error;
  }
}
