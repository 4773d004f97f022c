import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import {
  type Cipher,
  type CipherKey,
  KEY_BYTES,
  MAX_EXPAND_BYTES,
  NONCE_BYTES,
  type OpenInput,
  type SealInput,
  TAG_BYTES,
} from './cipher.ts';
import { hmacSha512 } from './mac.ts';
import { RandomPool } from './random-pool.ts';

const ALGORITHM = 'aes-256-gcm';
/** Node accepts 4-byte tags unless told otherwise. */
const OPTIONS = { authTagLength: TAG_BYTES } as const;
/** One large update allocates fresh memory each time; pieces of this size are several times faster. */
const PIECE_BYTES = 64 * 1024;
const FIRST_BLOCK = Uint8Array.of(1);

/** The cipher of Node's own OpenSSL: works wherever Node does. */
export function nodeCipher(): Cipher {
  const pool = new RandomPool();
  return {
    name: 'node',
    expand,
    importKey,
    seal,
    open,
    fillRandom: (out) => pool.fill(out),
    random(count) {
      const bytes = new Uint8Array(count);
      pool.fill(bytes);
      return bytes;
    },
  };
}

function expand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  require(key.length === KEY_BYTES, 'a key to expand is 32 bytes');
  require(length >= 1 && length <= MAX_EXPAND_BYTES, 'an expanded key is 1 to 64 bytes');
  return hmacSha512(key, info, FIRST_BLOCK).subarray(0, length);
}

function importKey(raw: Uint8Array): CipherKey {
  require(raw.length === KEY_BYTES, 'an AES-256 key is 32 bytes');
  return createSecretKey(raw) as unknown as CipherKey;
}

function seal(key: CipherKey, input: SealInput, out: Uint8Array): void {
  const { nonce, aad, plaintext } = input;
  require(nonce.length === NONCE_BYTES, 'a nonce is 12 bytes');
  require(out.length === plaintext.length + TAG_BYTES, 'a sealed value is 16 bytes longer than its plaintext');
  const cipher = createCipheriv(ALGORITHM, key as unknown as KeyObject, nonce, OPTIONS);
  cipher.setAAD(aad);
  for (let at = 0; at < plaintext.length; at += PIECE_BYTES) {
    out.set(cipher.update(plaintext.subarray(at, at + PIECE_BYTES)), at);
  }
  cipher.final();
  out.set(cipher.getAuthTag(), plaintext.length);
}

function open(key: CipherKey, input: OpenInput, out: Uint8Array): boolean {
  const { nonce, aad, ciphertext } = input;
  const length = ciphertext.length - TAG_BYTES;
  require(nonce.length === NONCE_BYTES, 'a nonce is 12 bytes');
  require(length >= 0, 'a sealed value is at least its 16-byte tag');
  require(out.length === length, 'a plaintext is 16 bytes shorter than its sealed value');
  const decipher = createDecipheriv(ALGORITHM, key as unknown as KeyObject, nonce, OPTIONS);
  decipher.setAAD(aad);
  decipher.setAuthTag(ciphertext.subarray(length));
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const piece = decipher.update(ciphertext.subarray(at, Math.min(at + PIECE_BYTES, length)));
    out.set(piece, at);
    piece.fill(0);
  }
  try {
    decipher.final();
    return true;
  } catch {
    // The only thing `final` can say here is that the tag does not match: that is the answer, not a fault.
    out.fill(0);
    return false;
  }
}

/** Preconditions of this floor are the programmer's duty: breaking one is a fault of ours, never of a caller's data. */
function require(holds: boolean, what: string): void {
  if (!holds) throw new RangeError(what);
}
