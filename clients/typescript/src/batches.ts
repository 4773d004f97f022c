import type { BatchItem, BatchResult, DecryptItem, EncryptItem, RewrapItem } from './documents.ts';
import { unexpectedAnswer } from './error-types.ts';
import type { Status } from './gen/google/rpc/status.ts';
import type { DecryptDocument, EncryptDocument, RewrapDocument } from './gen/keyside/v1/crypto.ts';
import { bytesByName, checkedBytes, checkedObject, checkedText, textsByName } from './inputs.ts';
import { fromStatus } from './status.ts';

type Context = Map<string, string>;

/** @throws {RequestInvalidError} as a single document's `encrypt` does */
export function toEncrypt(item: EncryptItem, shared: Context): EncryptDocument {
  const { fields, edek = new Uint8Array() } = checkedObject(item, 'a document');
  return { ...about(item, shared), fields: bytesByName(fields), edek: checkedBytes(edek, 'edek') };
}

export function toDecrypt(item: DecryptItem, shared: Context): DecryptDocument {
  const { fields, edek } = checkedObject(item, 'a document');
  return { ...about(item, shared), fields: bytesByName(fields), edek: checkedBytes(edek, 'edek') };
}

export function toRewrap(item: RewrapItem, shared: Context): RewrapDocument {
  const { edek } = checkedObject(item, 'a document');
  return { ...about(item, shared), edek: checkedBytes(edek, 'edek') };
}

interface Result<Sent> {
  readonly id: string;
  readonly document?: Sent | undefined;
  readonly error?: Status | undefined;
}

/** One for each of the documents that were sent, in their order. @throws {InternalError} where there are others, more or fewer */
export function outcomes<Sent, Document>(
  results: readonly Result<Sent>[],
  documents: readonly { readonly id: string }[],
  toDocument: (sent: Sent) => Document,
): BatchResult<Document>[] {
  if (results.length !== documents.length) {
    throw unexpectedAnswer(`${results.length} results came for ${documents.length} documents`);
  }
  return results.map(({ id, document, error }, index) => {
    if (id !== documents[index]?.id) throw unexpectedAnswer('the results are not those of the documents, in their order');
    if (error !== undefined) return { id, error: fromStatus(error) };
    if (document === undefined) throw unexpectedAnswer('a result holds neither a document nor an error');
    return { id, document: toDocument(document) };
  });
}

function about({ id = '', context }: BatchItem, shared: Context): { id: string; context: Context } {
  return { id: checkedText(id, 'id'), context: context === undefined ? shared : textsByName(context, 'context') };
}
