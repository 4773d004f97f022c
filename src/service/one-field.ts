import { openFieldInBulk, sealFieldInBulk } from '../envelope/bulk-field.ts';
import { type OpenDocument, openField, sealAddedField, sealNewField } from '../envelope/field.ts';
import type { CallScope, ServiceParts } from './service.ts';

/** Where a field's bytes are worked on: here and now, or by a worker of the bulk cipher where that takes them. */

type Bulk = Pick<ServiceParts, 'bulk'>;
type Result<T> = T | Promise<T>;

/** Seals fields of a document, each as that of a new document or as one added to it. Rejects as `BulkCipher.run`. */
export function fieldSealer(
  { bulk }: Bulk,
  scope: CallScope,
  { document, isNew }: { readonly document: OpenDocument; readonly isNew: boolean },
): (name: string, value: Uint8Array) => Result<Uint8Array> {
  const seal = isNew ? sealNewField : sealAddedField;
  return (name, value) =>
    bulk?.takes(value.length)
      ? sealFieldInBulk(document, { name, value, version: isNew ? 1 : 2 }, { bulk, signal: scope.signal })
      : seal(document, name, value);
}

/** Opens fields of a document; undefined as `openField`. Rejects as `BulkCipher.run`. */
export function fieldOpener(
  { bulk }: Bulk,
  scope: CallScope,
  document: OpenDocument,
): (name: string, sealed: Uint8Array) => Result<Uint8Array | undefined> {
  return (name, value) =>
    bulk?.takes(value.length)
      ? openFieldInBulk(document, { name, value }, { bulk, signal: scope.signal })
      : openField(document, name, value);
}
