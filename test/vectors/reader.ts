import type { Cipher } from '../../src/cipher/cipher.ts';
import { type EncryptionContext, encodeContext, type WrapContext } from '../../src/core/encryption-context.ts';
import { ciphertextRejected } from '../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import { decodeUtf8 } from '../../src/core/text.ts';
import { deriveVerified } from '../../src/envelope/derive.ts';
import { openDocument } from '../../src/envelope/document.ts';
import { openField } from '../../src/envelope/field.ts';
import { type HeaderKind, parseHeader } from '../../src/envelope/header.ts';
import { malformed } from '../../src/envelope/malformed.ts';
import { type BoundVector, type ContextVector, fromHex, type Hex, type ReadVector } from './vectors.ts';

/**
 * What a reader does once it holds the data key: section 6 of docs/format.md without policy, cache and KMS. All plaintexts or none.
 * @throws {KeysideError} REQUEST_INVALID, EDEK_MALFORMED, CIPHERTEXT_REJECTED
 */
export function readWithDataKey(cipher: Cipher, kind: HeaderKind, given: ReadVector): Uint8Array[] {
  const header = parseHeader(fromHex(given.edek));
  if (header.kind !== kind) throw malformed(`the edek is not the header of a ${kind}`);
  if (given.label !== null && text(given.label) !== header.dataLabel) throw ciphertextRejected('another label is stored');
  const { tenantId, pairs } = contextOf({ ...given, label: given.label ?? '' });
  const context = encodeContext({ tenantId, dataLabel: header.dataLabel, pairs });
  const dataKey = SecretBytes.own(fromHex(given.dataKey));
  if (kind === 'object') {
    if (deriveVerified(cipher, dataKey, { header, context }) === undefined) throw ciphertextRejected('commitment');
    return [];
  }
  const document = openDocument(cipher, dataKey, { header, context });
  if (document === undefined) throw ciphertextRejected('commitment');
  return (given.fields ?? []).map(({ name, sealed }) => {
    const plaintext = openField(document, text(name), fromHex(sealed));
    if (plaintext === undefined) throw ciphertextRejected('field');
    return plaintext;
  });
}

/** @throws {KeysideError} REQUEST_INVALID */
export function contextOf(vector: ContextVector): EncryptionContext {
  return {
    tenantId: parseTenantId(text(vector.tenant)),
    dataLabel: text(vector.label),
    pairs: new Map(vector.pairs.map(([key, value]) => [text(key), text(value)])),
  };
}

export function wrapContextOf(vector: Omit<BoundVector, 'name'>): WrapContext {
  return {
    tenantId: parseTenantId(text(vector.tenant)),
    configurationId: parseKeyConfigurationId(text(vector.configuration)),
    share: vector.share,
    shareCount: vector.n,
  };
}

/** Fatal, as everywhere. */
export function text(hex: Hex): string {
  return decodeUtf8(fromHex(hex));
}
