import { Buffer } from 'node:buffer';
import { type Cipher, type CipherKey, NONCE_BYTES, TAG_BYTES } from '../cipher/cipher.ts';
import { MAX_FIELD_NAME_BYTES } from '../core/field-limits.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { SALT_BYTES, SUITE } from './header.ts';

const VERSION_1_PREFIX_BYTES = 1 + NONCE_BYTES;
const VERSION_2_PREFIX_BYTES = 1 + SALT_BYTES;
/** What a field's additional data begins with; its name follows. */
export const AAD_PREFIX = {
  1: Buffer.from('keyside.dev/field@v1\0'),
  2: Buffer.from('keyside.dev/field@v2\0'),
} as const;
const INFO_PREFIX = Buffer.concat([AAD_PREFIX[2], Uint8Array.of(SUITE)]);

/** 1: under the document's key, with a random nonce. 2: under a key of its own. */
export type FieldVersion = keyof typeof AAD_PREFIX;

/** A document whose data key was verified, for as long as one request works on it. */
export interface OpenDocument {
  readonly cipher: Cipher;
  /** Released by whoever opened or created the document. */
  readonly fieldKey: CipherKey;
  /** The request's own copy. */
  readonly dataKey: SecretBytes;
  readonly salt: Uint8Array;
  /** Canonical context bytes. */
  readonly context: Uint8Array;
}

/**
 * Seals a field of a document that this same call creates (version 1). A short result is a view into Node's pool of buffers, which may
 * hold ciphertext.
 * Precondition: the name is well-formed text of at most 65,535 bytes (RangeError); else two names would share one ciphertext.
 */
export function sealNewField(document: OpenDocument, name: string, plaintext: Uint8Array): Uint8Array {
  requireFieldName(name);
  const out = Buffer.allocUnsafe(VERSION_1_PREFIX_BYTES + plaintext.length + TAG_BYTES);
  out[0] = 1;
  const nonce = out.subarray(1, VERSION_1_PREFIX_BYTES);
  document.cipher.fillRandom(nonce);
  document.cipher.seal(
    document.fieldKey,
    { nonce, aad: additionalData(1, name), plaintext },
    out.subarray(VERSION_1_PREFIX_BYTES),
  );
  return out;
}

/** Seals a field under an EDEK that exists (version 2): key and nonce are derived from a fresh salt. Precondition: as above. */
export function sealAddedField(document: OpenDocument, name: string, plaintext: Uint8Array): Uint8Array {
  requireFieldName(name);
  const out = Buffer.allocUnsafe(VERSION_2_PREFIX_BYTES + plaintext.length + TAG_BYTES);
  out[0] = 2;
  const salt = out.subarray(1, VERSION_2_PREFIX_BYTES);
  document.cipher.fillRandom(salt);
  const { key, nonce } = deriveAddedField(document, salt);
  using _ = key;
  document.cipher.seal(key, { nonce, aad: additionalData(2, name), plaintext }, out.subarray(VERSION_2_PREFIX_BYTES));
  return out;
}

/** The plaintext, or undefined where the field does not belong here or was altered. Never throws for any name or input bytes. */
export function openField(document: OpenDocument, name: string, sealed: Uint8Array): Uint8Array | undefined {
  if (!isFieldName(name)) return undefined;
  if (sealed[0] === 1 && sealed.length >= VERSION_1_PREFIX_BYTES + TAG_BYTES) {
    const input = {
      nonce: sealed.subarray(1, VERSION_1_PREFIX_BYTES),
      aad: additionalData(1, name),
      ciphertext: sealed.subarray(VERSION_1_PREFIX_BYTES),
    };
    return openInto(document.cipher, document.fieldKey, input);
  }
  if (sealed[0] === 2 && sealed.length >= VERSION_2_PREFIX_BYTES + TAG_BYTES) {
    const { key, nonce } = deriveAddedField(document, sealed.subarray(1, VERSION_2_PREFIX_BYTES));
    using _ = key;
    const input = { nonce, aad: additionalData(2, name), ciphertext: sealed.subarray(VERSION_2_PREFIX_BYTES) };
    return openInto(document.cipher, key, input);
  }
  return undefined;
}

function openInto(cipher: Cipher, key: CipherKey, input: Parameters<Cipher['open']>[1]): Uint8Array | undefined {
  // Never in the pool, where any other part of the process could come upon it.
  const plaintext = Buffer.allocUnsafeSlow(input.ciphertext.length - TAG_BYTES);
  return cipher.open(key, input, plaintext) ? plaintext : undefined;
}

function deriveAddedField(document: OpenDocument, salt: Uint8Array): { key: CipherKey; nonce: Uint8Array } {
  const both = expandAddedField(document, salt);
  const key = document.cipher.importKey(both.subarray(0, 32));
  const nonce = new Uint8Array(both.subarray(32, 44));
  both.fill(0);
  return { key, nonce };
}

/** `key[32] || nonce[12]` of an added field, for the caller to zero. */
export function expandAddedField(document: OpenDocument, salt: Uint8Array): Uint8Array {
  const info = Buffer.concat([INFO_PREFIX, document.salt, salt, document.context]);
  return document.cipher.expand(document.dataKey.expose(), info, 44);
}

/** UTF-8 cannot hold a lone surrogate: encoded, it becomes U+FFFD, and two different names become one. */
export function isFieldName(name: string): boolean {
  return name.isWellFormed() && Buffer.byteLength(name) <= MAX_FIELD_NAME_BYTES;
}

export function requireFieldName(name: string): void {
  if (!isFieldName(name)) throw new RangeError(`a field name is well-formed text of at most ${MAX_FIELD_NAME_BYTES} bytes`);
}

export function additionalData(version: FieldVersion, name: string): Uint8Array {
  const prefix = AAD_PREFIX[version];
  const length = Buffer.byteLength(name);
  const aad = Buffer.allocUnsafe(prefix.length + length);
  prefix.copy(aad);
  aad.write(name, prefix.length, length);
  return aad;
}
