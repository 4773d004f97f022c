/** AES-256-GCM and HKDF-Expand as docs/format.md uses them. Implementations differ in speed, never in bytes. */

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** HKDF-Expand up to this length is a single HMAC-SHA-512. */
export const MAX_EXPAND_BYTES = 64;

declare const cipherKey: unique symbol;

/** An AES-256 key prepared for use. It cannot be zeroed: derive it per document, let go of it with the request. */
export type CipherKey = { readonly [cipherKey]: never };

export interface SealInput {
  /** 12 bytes, never used before with this key. */
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}

export interface OpenInput {
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  /** ciphertext || tag, at least 16 bytes. */
  readonly ciphertext: Uint8Array;
}

export interface Cipher {
  /** Which implementation this is, for logs and metrics. */
  readonly name: 'native' | 'node';

  /**
   * HKDF-Expand with SHA-512 (RFC 5869, section 2.3) for outputs of at most one block.
   * Precondition: `key` is 32 bytes and `length` is 1 to 64.
   */
  expand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  /** Precondition: 32 bytes. They are copied; the source stays the caller's to zero. */
  importKey(raw: Uint8Array): CipherKey;

  /** Writes ciphertext || tag. Precondition: `out` is exactly 16 bytes longer than the plaintext and does not overlap it. */
  seal(key: CipherKey, input: SealInput, out: Uint8Array): void;

  /**
   * Writes the plaintext and returns true, or returns false with `out` zeroed where the tag does not match.
   * Precondition: `out` is exactly 16 bytes shorter than the ciphertext and does not overlap it.
   */
  open(key: CipherKey, input: OpenInput, out: Uint8Array): boolean;

  /** Fresh random bytes for nonces and salts, from a pool of this process that is zeroed as it is used. */
  random(count: number): Uint8Array;

  /** As `random`, into the caller's buffer. */
  fillRandom(out: Uint8Array): void;
}
