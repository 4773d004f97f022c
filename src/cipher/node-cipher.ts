import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import {
  type Cipher,
  type CipherKey,
  FIELD_OVERHEAD_BYTES,
  type FieldBatch,
  KEY_BYTES,
  MAX_EXPAND_BYTES,
  NONCE_BYTES,
  type OpenInput,
  type SealInput,
  TAG_BYTES,
} from './cipher.ts';
import { equalBytes, hmacSha512 } from './mac.ts';
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
    sealFields,
    openFields,
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
  return new NodeKey(createSecretKey(raw)) as unknown as CipherKey;
}

/** What `CipherKey` is here. Key objects cannot be zeroed, only let go of. */
class NodeKey implements Disposable {
  #key: KeyObject | undefined;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  static usable(key: CipherKey): KeyObject {
    const usable = (key as unknown as NodeKey).#key;
    if (usable === undefined) throw new Error('a released key was used');
    return usable;
  }

  [Symbol.dispose](): void {
    this.#key = undefined;
  }
}

function seal(key: CipherKey, input: SealInput, out: Uint8Array): void {
  const { nonce, aad, plaintext } = input;
  require(nonce.length === NONCE_BYTES, 'a nonce is 12 bytes');
  require(out.length === plaintext.length + TAG_BYTES, 'a sealed value is 16 bytes longer than its plaintext');
  const cipher = createCipheriv(ALGORITHM, NodeKey.usable(key), nonce, OPTIONS);
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
  const decipher = createDecipheriv(ALGORITHM, NodeKey.usable(key), nonce, OPTIONS);
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

function sealFields(batch: FieldBatch, nonces: Uint8Array, into: { commitment: Uint8Array; out: Uint8Array }): void {
  const { commitment, out } = into;
  const { version, values } = batch;
  const sealedBytes = values.reduce((sum, { length }) => sum + length + FIELD_OVERHEAD_BYTES, 0);
  require(out.length === sealedBytes, 'a sealed field is 29 bytes longer than its plaintext');
  require(nonces.length === values.length * NONCE_BYTES, 'a nonce is 12 bytes');
  const derived = deriveFieldKey(batch);
  using _ = derived.key;
  commitment.set(derived.commitment);
  let at = 0;
  eachField(batch, (plaintext, aad, index) => {
    const nonce = nonces.subarray(index * NONCE_BYTES, (index + 1) * NONCE_BYTES);
    out[at] = version;
    out.set(nonce, at + 1);
    const end = at + plaintext.length + FIELD_OVERHEAD_BYTES;
    seal(derived.key, { nonce, aad, plaintext }, out.subarray(at + 1 + NONCE_BYTES, end));
    at = end;
    return true;
  });
}

function openFields(batch: FieldBatch, commitment: Uint8Array, out: Uint8Array): ReturnType<Cipher['openFields']> {
  const derived = deriveFieldKey(batch);
  using _ = derived.key;
  if (!equalBytes(derived.commitment, commitment)) return 'other key';
  let at = 0;
  const areOpen = eachField(batch, (sealed, aad) => {
    if (sealed.length < FIELD_OVERHEAD_BYTES || sealed[0] !== batch.version) return false;
    const end = at + sealed.length - FIELD_OVERHEAD_BYTES;
    const input = { nonce: sealed.subarray(1, 1 + NONCE_BYTES), aad, ciphertext: sealed.subarray(1 + NONCE_BYTES) };
    const isOpen = open(derived.key, input, out.subarray(at, end));
    at = end;
    return isOpen;
  });
  if (!areOpen) out.fill(0);
  require(!areOpen || at === out.length, 'a plaintext is 29 bytes shorter than its sealed field');
  return areOpen ? 'opened' : 'altered';
}

function deriveFieldKey({ secret, info }: FieldBatch): { key: CipherKey; commitment: Uint8Array } {
  const both = expand(secret, info, MAX_EXPAND_BYTES);
  const key = importKey(both.subarray(0, KEY_BYTES));
  both.fill(0, 0, KEY_BYTES);
  return { key, commitment: both.subarray(KEY_BYTES) };
}

/** Hands over each value with its additional data, until one is refused. */
function eachField(
  { aadPrefix, names, nameBytes, values }: FieldBatch,
  take: (value: Uint8Array, aad: Uint8Array, index: number) => boolean,
): boolean {
  let at = 0;
  return values.every((value, index) => {
    const end = at + (nameBytes[index] as number);
    const aad = Buffer.concat([aadPrefix, names.subarray(at, end)]);
    at = end;
    return take(value, aad, index);
  });
}

/** Preconditions of this floor are the programmer's duty: breaking one is a fault of ours, never of a caller's data. */
function require(holds: boolean, what: string): void {
  if (!holds) throw new RangeError(what);
}
