import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Cipher, type CipherKey, MAX_EXPAND_BYTES } from './cipher.ts';
import { RandomPool } from './random-pool.ts';

/** Opaque: the object that native/cipher.c made for a key. */
type KeyHandle = { readonly handle: never };

/**
 * What native/cipher.c exports. It throws a RangeError for wrong sizes and a TypeError for what is no Uint8Array or no key of its own.
 * Many parameters, since an object would have to be taken apart in C, for more than sealing costs.
 */
interface Binding {
  importKey(raw: Uint8Array): KeyHandle;
  seal(key: KeyHandle, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void;
  open(key: KeyHandle, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean;
  expand(key: Uint8Array, info: Uint8Array, out: Uint8Array): void;
}

/** Where tools/build-accelerator.mjs puts it: one place, seen from the sources or from `dist`, and never one beside the installation. */
const PLACE = import.meta.url.endsWith('.ts') ? '../../build/cipher.node' : '../../../build/cipher.node';

/**
 * The cipher in C over the same OpenSSL: a context is made once for a key instead of once for a value. A key's copy, the expanded
 * one, is overwritten when its handle is collected.
 * @throws {Error} where it was not built, or needs what this Node does not export
 */
export function nativeCipher(): Cipher {
  const binding = load();
  const pool = new RandomPool();
  return {
    name: 'native',
    expand(key, info, length) {
      // In memory of its own that C can reach at once: what is small lies in the heap of JavaScript and would be moved out first.
      if (!(length >= 1 && length <= MAX_EXPAND_BYTES)) throw new RangeError('an expanded key is 1 to 64 bytes');
      const out = Buffer.allocUnsafeSlow(Math.trunc(length));
      binding.expand(key, info, out);
      return out;
    },
    importKey: (raw) => binding.importKey(raw) as unknown as CipherKey,
    seal: (key, { nonce, aad, plaintext }, out) => binding.seal(key as unknown as KeyHandle, nonce, aad, plaintext, out),
    open: (key, { nonce, aad, ciphertext }, out) => binding.open(key as unknown as KeyHandle, nonce, aad, ciphertext, out),
    fillRandom: (out) => pool.fill(out),
    random(count) {
      const bytes = new Uint8Array(count);
      pool.fill(bytes);
      return bytes;
    },
  };
}

function load(): Binding {
  const path = fileURLToPath(new URL(PLACE, import.meta.url));
  if (!existsSync(path)) throw new Error('the native cipher was not built');
  const module = { exports: {} };
  // All names now: one that this Node lacks must fail here, not end the process at the first call.
  process.dlopen(module, path, constants.dlopen.RTLD_NOW);
  return module.exports as Binding;
}
