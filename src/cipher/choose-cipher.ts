import { type Cipher, FIELD_OVERHEAD_BYTES, type FieldBatch, TAG_BYTES } from './cipher.ts';
import { nativeCipher } from './native-cipher.ts';
import { nodeCipher } from './node-cipher.ts';

/** Around AES's block; with and without additional data. */
const TRIED_SIZES = [0, 1, 16, 204, 4_099];

export interface ChosenCipher {
  readonly cipher: Cipher;
  /** Why it is not the native one; undefined where it is. */
  readonly instead: string | undefined;
}

/** The native cipher where it was built, loads and does what the one of Node does; else the one of Node. Never throws. */
export function chooseCipher(make: () => Cipher = nativeCipher): ChosenCipher {
  const reference = nodeCipher();
  try {
    const cipher = make();
    if (agree(cipher, reference)) return { cipher, instead: undefined };
    return { cipher: reference, instead: 'the native cipher failed its self-test' };
  } catch (error) {
    return { cipher: reference, instead: (error as Error).message };
  }
}

/** Seals and expands to the same bytes, opens what the other sealed, and refuses what was altered. A millisecond, at start. */
function agree(cipher: Cipher, reference: Cipher): boolean {
  const [raw, info] = [reference.random(32), reference.random(200)];
  const sameExpand = [1, 44, 64].every((length) => same(cipher.expand(raw, info, length), reference.expand(raw, info, length)));
  using key = cipher.importKey(raw);
  using referenceKey = reference.importKey(raw);
  const sameSeal = TRIED_SIZES.every((size) => {
    const input = { nonce: reference.random(12), aad: reference.random(size % 50), plaintext: reference.random(size) };
    const [ours, theirs] = [new Uint8Array(size + TAG_BYTES), new Uint8Array(size + TAG_BYTES)];
    cipher.seal(key, input, ours);
    reference.seal(referenceKey, input, theirs);
    if (!same(ours, theirs)) return false;
    const opened = new Uint8Array(size);
    const opens = cipher.open(key, { ...input, ciphertext: theirs }, opened) && same(opened, input.plaintext);
    theirs[size] = (theirs[size] as number) ^ 1;
    const refuses = !cipher.open(key, { ...input, ciphertext: theirs }, opened) && opened.every((byte) => byte === 0);
    return opens && refuses;
  });
  return sameExpand && sameSeal && agreeOnFields(cipher, reference);
}

/** The same of fields that are sealed together. */
function agreeOnFields(cipher: Cipher, reference: Cipher): boolean {
  const [secret, info, nonces] = [reference.random(32), reference.random(200), reference.random(12 * TRIED_SIZES.length)];
  const values = TRIED_SIZES.map((size) => reference.random(size));
  const names = { names: reference.random(20), nameBytes: Uint32Array.of(0, 1, 5, 2, 12) };
  const batch: FieldBatch = { secret, info, version: 1, aadPrefix: reference.random(21), ...names, values };
  const total = TRIED_SIZES.reduce((sum, size) => sum + size, 0);
  const sealedBy = (by: Cipher): Uint8Array[] => {
    const [commitment, out] = [new Uint8Array(32), new Uint8Array(total + values.length * FIELD_OVERHEAD_BYTES)];
    by.sealFields(batch, nonces, { commitment, out });
    return [commitment, out];
  };
  const [ours, theirs] = [Buffer.concat(sealedBy(cipher)), Buffer.concat(sealedBy(reference))];
  if (!same(ours, theirs)) return false;
  const [commitment, opened] = [theirs.subarray(0, 32), new Uint8Array(total)];
  let at = 32;
  const sealed = values.map(({ length }) => {
    at += length + FIELD_OVERHEAD_BYTES;
    return theirs.subarray(at - length - FIELD_OVERHEAD_BYTES, at);
  });
  const stored = { ...batch, values: sealed };
  const opens = cipher.openFields(stored, commitment, opened) === 'opened' && same(opened, Buffer.concat(values));
  theirs[theirs.length - 1] = (theirs.at(-1) as number) ^ 1;
  const refuses = cipher.openFields(stored, commitment, opened) === 'altered' && opened.every((byte) => byte === 0);
  commitment[0] = (commitment[0] as number) ^ 1;
  return opens && refuses && cipher.openFields(stored, commitment, opened) === 'other key';
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
