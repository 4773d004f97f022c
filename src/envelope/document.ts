import type { Cipher } from '../cipher/cipher.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { derive, deriveVerified } from './derive.ts';
import type { OpenDocument } from './field.ts';
import { encodeHeader, type Header, SALT_BYTES } from './header.ts';
import type { KeyBlock } from './key-block.ts';

export interface NewDocument {
  readonly dataLabel: string;
  /** Canonical context bytes, with the same label in them. */
  readonly context: Uint8Array;
  readonly keyBlock: KeyBlock;
}

/**
 * Creates a document under a data key: a fresh salt, its derived key, and the EDEK to store.
 * Precondition: `dataKey` is what `keyBlock` wraps; it is the request's own copy and stays so.
 */
export function createDocument(
  cipher: Cipher,
  dataKey: SecretBytes,
  parts: NewDocument,
): { document: OpenDocument; edek: Uint8Array } {
  const salt = cipher.random(SALT_BYTES);
  const { key, commitment } = derive(cipher, dataKey, { kind: 'document', salt, context: parts.context });
  const edek = encodeHeader({ kind: 'document', dataLabel: parts.dataLabel, salt, commitment, keyBlock: parts.keyBlock });
  return { document: { cipher, fieldKey: key, dataKey, salt, context: parts.context }, edek };
}

/**
 * Opens a stored document, or undefined where the data key is not the one it commits to, or where the header is an object's: an
 * object key seals one body and must never open or seal fields.
 */
export function openDocument(
  cipher: Cipher,
  dataKey: SecretBytes,
  from: { header: Header; context: Uint8Array },
): OpenDocument | undefined {
  if (from.header.kind !== 'document') return undefined;
  const fieldKey = deriveVerified(cipher, dataKey, from);
  return fieldKey && { cipher, fieldKey, dataKey, salt: from.header.salt, context: from.context };
}
