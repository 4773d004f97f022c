import { ciphertextRejected } from '../core/errors.ts';
import { openDocument } from '../envelope/document.ts';
import { openField } from '../envelope/field.ts';
import { Pace } from './pace.ts';
import type { CallScope, DocumentRequest, PlaintextDocument, ServiceParts } from './service.ts';
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
  const pace = new Pace(scope);
  const fields = new Map<string, Uint8Array>();
  for (const [name, sealed] of request.fields) {
    const plaintext = openField(document, name, sealed);
    if (plaintext === undefined) {
      for (const opened of fields.values()) opened.fill(0);
      throw ciphertextRejected('a field does not verify');
    }
    fields.set(name, plaintext);
    if (pace.isDue(plaintext.length)) await pace.rest();
  }
  return { fields };
}
