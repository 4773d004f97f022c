import { Buffer } from 'node:buffer';
import { type Cipher, type CipherKey, KEY_BYTES, NONCE_BYTES } from '../cipher/cipher.ts';
import { hmacSha512 } from '../cipher/mac.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { COMMITMENT_BYTES, SALT_BYTES } from './header.ts';
import { MAX_CHUNKS } from './object-layout.ts';

const INFO_PREFIX = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0');
const EMPTY = new Uint8Array(0);
const INDEX_AT = NONCE_BYTES - 8;

/** The key of one body: seals and opens single chunks by their index (C2SP chunked-encryption, Cobblestone-256). */
export class BodyKey implements Disposable {
  /** 32 bytes, stored in clear after the salt. */
  readonly commitment: Uint8Array;
  readonly #cipher: Cipher;
  #key: CipherKey | undefined;
  readonly #baseNonce: Uint8Array;
  readonly #nonce = Buffer.alloc(NONCE_BYTES);

  /**
   * The object key stays the caller's. Objects have an empty application context; another one serves the published vectors.
   * Precondition: the object key is 32 bytes and the salt 24.
   */
  constructor(cipher: Cipher, objectKey: SecretBytes, from: { salt: Uint8Array; context?: Uint8Array }) {
    if (objectKey.length !== KEY_BYTES) throw new RangeError(`an object key is ${KEY_BYTES} bytes`);
    if (from.salt.length !== SALT_BYTES) throw new RangeError(`a body's salt is ${SALT_BYTES} bytes`);
    const bytes = expandBody(objectKey.expose(), from.salt, from.context ?? EMPTY);
    this.#cipher = cipher;
    this.#key = cipher.importKey(bytes.subarray(0, KEY_BYTES));
    this.#baseNonce = new Uint8Array(bytes.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES));
    this.commitment = new Uint8Array(bytes.subarray(KEY_BYTES + NONCE_BYTES, KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES));
    bytes.fill(0);
  }

  /** Writes ciphertext || tag. Precondition: no chunk of this index was sealed before; `out` is 16 bytes longer. */
  seal(index: number, plaintext: Uint8Array, out: Uint8Array): void {
    this.#cipher.seal(this.#usable(), { nonce: this.#nonceOf(index), aad: EMPTY, plaintext }, out);
  }

  /** Writes the plaintext and returns true, or returns false with `out` zeroed. Precondition: `out` is 16 bytes shorter. */
  open(index: number, ciphertext: Uint8Array, out: Uint8Array): boolean {
    return this.#cipher.open(this.#usable(), { nonce: this.#nonceOf(index), aad: EMPTY, ciphertext }, out);
  }

  /** Zeroes the nonces and releases the key. Further use throws. */
  wipe(): void {
    this.#key?.[Symbol.dispose]();
    this.#key = undefined;
    this.#baseNonce.fill(0);
    this.#nonce.fill(0);
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  #usable(): CipherKey {
    if (this.#key === undefined) throw new Error('a wiped body key was used');
    return this.#key;
  }

  /** The base nonce XOR the index as a big-endian integer. 38 bits: the halves are written apart, since `^` has 32. */
  #nonceOf(index: number): Uint8Array {
    if (!Number.isInteger(index) || index < 0 || index >= MAX_CHUNKS) throw new RangeError('a chunk index has 38 bits');
    const nonce = this.#nonce;
    nonce.fill(0, 0, INDEX_AT);
    nonce.writeUInt32BE(Math.floor(index / 2 ** 32), INDEX_AT);
    nonce.writeUInt32BE(index % 2 ** 32, INDEX_AT + 4);
    for (let at = 0; at < NONCE_BYTES; at++) nonce[at] = (nonce[at] as number) ^ (this.#baseNonce[at] as number);
    return nonce;
  }
}

/** HKDF-Expand with SHA-512 for `key[32] || base nonce[12] || commitment[32]`: two blocks, for the caller to zero. */
function expandBody(key: Uint8Array, salt: Uint8Array, context: Uint8Array): Uint8Array {
  const first = hmacSha512(key, INFO_PREFIX, salt, context, Uint8Array.of(1));
  const second = hmacSha512(key, first, INFO_PREFIX, salt, context, Uint8Array.of(2));
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  first.fill(0);
  second.fill(0);
  return bytes;
}
