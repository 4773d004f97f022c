/** AES-256-GCM and HKDF-Expand as docs/format.md uses them. Implementations differ in speed, never in bytes. */

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** HKDF-Expand up to this length is a single HMAC-SHA-512. */
export const MAX_EXPAND_BYTES = 64;

declare const cipherKey: unique symbol;

/**
 * An AES-256 key prepared for use. Whoever imported it releases it (`using`) as soon as it has served: releasing again does nothing, and
 * a released key throws wherever it is used. The native cipher overwrites the expanded key there and then; the one of Node can only let
 * go of its key object, which the collector frees. One that nobody released goes with the collector in both.
 */
export interface CipherKey extends Disposable {
  readonly [cipherKey]: never;
}

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

/** Fields of one document, and where their key comes from: for many small values in one step. */
export interface FieldBatch {
  /** 32 bytes, from which key and commitment are expanded. */
  readonly secret: Uint8Array;
  /** The info of `expand`, whose 64 bytes are the key, then the commitment. */
  readonly info: Uint8Array;
  /** The first byte of each sealed field: `version || nonce || ciphertext || tag`. */
  readonly version: number;
  /** A field's additional data is this, then its name. */
  readonly aadPrefix: Uint8Array;
  /** The names in UTF-8, one after the other, and how many bytes each has. What follows the last one is not looked at. */
  readonly names: Uint8Array;
  readonly nameBytes: Uint32Array;
  /** Plaintexts to seal, or sealed fields to open. */
  readonly values: readonly Uint8Array[];
}

/** Bytes of a sealed field beside its plaintext. */
export const FIELD_OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

export interface Cipher {
  /** Which implementation this is, for logs and metrics. */
  readonly name: 'native' | 'node';

  /**
   * HKDF-Expand with SHA-512 (RFC 5869, section 2.3) for outputs of at most one block.
   * Precondition: `key` is 32 bytes and `length` is 1 to 64.
   */
  expand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  /** Precondition: 32 bytes. They are copied; the source stays the caller's to zero. The key is the caller's to release. */
  importKey(raw: Uint8Array): CipherKey;

  /** Writes ciphertext || tag. Precondition: `out` is exactly 16 bytes longer than the plaintext and does not overlap it. */
  seal(key: CipherKey, input: SealInput, out: Uint8Array): void;

  /**
   * Writes the plaintext and returns true, or returns false with `out` zeroed where the tag does not match.
   * Precondition: `out` is exactly 16 bytes shorter than the ciphertext and does not overlap it.
   */
  open(key: CipherKey, input: OpenInput, out: Uint8Array): boolean;

  /**
   * Derives a key and seals every field with it, the sealed fields one after the other in `out`; writes the 32-byte commitment.
   * Precondition: `nonces` has 12 fresh bytes for each; `out` has 29 bytes more for each than the plaintexts, and overlaps no input.
   */
  sealFields(batch: FieldBatch, nonces: Uint8Array, into: { readonly commitment: Uint8Array; readonly out: Uint8Array }): void;

  /**
   * Derives a key, compares its commitment in constant time, and opens every field into `out`, one after the other. Where the
   * commitment differs nothing is opened; where any field does not verify, `out` is zeroed.
   * Precondition: `out` has 29 bytes less for each than the sealed fields, and overlaps no input.
   */
  openFields(batch: FieldBatch, commitment: Uint8Array, out: Uint8Array): 'opened' | 'other key' | 'altered';

  /** Fresh random bytes for nonces and salts, from a pool of this process that is zeroed as it is used. */
  random(count: number): Uint8Array;

  /** As `random`, into the caller's buffer. */
  fillRandom(out: Uint8Array): void;
}
