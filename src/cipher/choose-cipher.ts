import { type Cipher, TAG_BYTES } from './cipher.ts';
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
  const [key, referenceKey] = [cipher.importKey(raw), reference.importKey(raw)];
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
  return sameExpand && sameSeal;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
