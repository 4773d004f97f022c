import { Buffer } from 'node:buffer';
import { KeysideError } from '../core/errors.ts';
import { MAX_FIELD_NAME_BYTES } from '../core/field-limits.ts';
import type { Fields } from '../service/service.ts';

export interface RequestLimits {
  readonly maxDocumentBytes: number;
  readonly maxFields: number;
  readonly maxBatchDocuments: number;
}

/** Bytes that a field's ciphertext has beyond its plaintext at most: version 2's version, salt and tag. */
const FIELD_OVERHEAD_BYTES = 41;

/**
 * Checks a document's size against the limits. Ciphertexts may be larger than the plaintexts they were made from.
 * @returns the bytes of all values together
 * @throws {KeysideError} PAYLOAD_TOO_LARGE, REQUEST_INVALID
 */
export function checkFields(fields: Fields, limits: RequestLimits, form: 'plaintext' | 'ciphertext'): number {
  if (fields.size > limits.maxFields) {
    throw new KeysideError('PAYLOAD_TOO_LARGE', `the document has ${fields.size} fields, the limit is ${limits.maxFields}`, {
      details: { limitFields: limits.maxFields },
    });
  }
  let total = 0;
  for (const [name, value] of fields) {
    total += value.length;
    if (name.length * 3 > MAX_FIELD_NAME_BYTES && Buffer.byteLength(name) > MAX_FIELD_NAME_BYTES) {
      throw new KeysideError('REQUEST_INVALID', `a field name exceeds ${MAX_FIELD_NAME_BYTES} bytes`, {
        details: { limitBytes: MAX_FIELD_NAME_BYTES },
      });
    }
  }
  const limitBytes = limits.maxDocumentBytes + (form === 'ciphertext' ? fields.size * FIELD_OVERHEAD_BYTES : 0);
  if (total > limitBytes) {
    throw new KeysideError('PAYLOAD_TOO_LARGE', `the document's fields hold ${total} bytes, the limit is ${limitBytes}`, {
      details: { limitBytes },
    });
  }
  return total;
}

/** @throws {KeysideError} PAYLOAD_TOO_LARGE, REQUEST_INVALID */
export function checkBatch(documents: readonly { readonly id: string }[], limits: RequestLimits): void {
  if (documents.length > limits.maxBatchDocuments) {
    const message = `the batch has ${documents.length} documents, the limit is ${limits.maxBatchDocuments}`;
    throw new KeysideError('PAYLOAD_TOO_LARGE', message, { details: { limitDocuments: limits.maxBatchDocuments } });
  }
  for (const { id } of documents) {
    if (Buffer.byteLength(id) > 1024) throw new KeysideError('REQUEST_INVALID', 'a document’s id exceeds 1024 bytes');
  }
}

/** @throws {KeysideError} REQUEST_INVALID */
export function requireEdek(edek: Uint8Array): Uint8Array {
  if (edek.length === 0) throw new KeysideError('REQUEST_INVALID', 'edek is missing', { details: { field: 'edek' } });
  return edek;
}
