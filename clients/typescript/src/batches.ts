import type { BatchResult, DecryptItem, EncryptItem, RewrapItem } from './documents.ts';
import { unexpectedAnswer } from './error-types.ts';
import type { Status } from './gen/google/rpc/status.ts';
import type { DecryptDocument, EncryptDocument, RewrapDocument } from './gen/keyside/v1/crypto.ts';
import { bytesByName, checkedText, type Named, textsByName } from './metadata.ts';
import { fromStatus } from './status.ts';

type Context = Map<string, string>;

/** @throws {RequestInvalidError} as a single document's `encrypt` does */
export function toEncrypt({ id = '', fields, edek = new Uint8Array(), context }: EncryptItem, shared: Context): EncryptDocument {
  return { id: checkedText(id, 'id'), fields: bytesByName(fields), edek, context: ownOr(context, shared) };
}

export function toDecrypt({ id = '', fields, edek, context }: DecryptItem, shared: Context): DecryptDocument {
  return { id: checkedText(id, 'id'), fields: bytesByName(fields), edek, context: ownOr(context, shared) };
}

export function toRewrap({ id = '', edek, context }: RewrapItem, shared: Context): RewrapDocument {
  return { id: checkedText(id, 'id'), edek, context: ownOr(context, shared) };
}

interface Result<Sent> {
  readonly id: string;
  readonly document?: Sent | undefined;
  readonly error?: Status | undefined;
}

/** One for each of the documents that were sent, in their order. @throws {InternalError} where there are more or fewer */
export function outcomes<Sent, Document>(
  results: readonly Result<Sent>[],
  count: number,
  toDocument: (sent: Sent) => Document,
): BatchResult<Document>[] {
  if (results.length !== count) throw unexpectedAnswer(`${results.length} results came for ${count} documents`);
  return results.map(({ id, document, error }) => {
    if (error !== undefined) return { id, error: fromStatus(error) };
    if (document === undefined) throw unexpectedAnswer('a result holds neither a document nor an error');
    return { id, document: toDocument(document) };
  });
}

function ownOr(context: Named<string> | undefined, shared: Context): Context {
  return context === undefined ? shared : textsByName(context, 'context');
}
