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
  /** Overwrites the key; it then throws an Error wherever it is used. */
  release(key: KeyHandle): void;
  expand(key: Uint8Array, info: Uint8Array, out: Uint8Array): void;
  sealFields(...about: [...BatchArguments, commitment: Uint8Array, out: Uint8Array, nonces: Uint8Array]): void;
  /** 0: open; 1: another key; 2: altered. */
  openFields(...about: [...BatchArguments, commitment: Uint8Array, out: Uint8Array]): 0 | 1 | 2;
}

type BatchArguments = [
  secret: Uint8Array,
  info: Uint8Array,
  version: number,
  aadPrefix: Uint8Array,
  names: Uint8Array,
  nameBytes: Uint32Array,
  values: readonly Uint8Array[],
];

const OPENED = ['opened', 'other key', 'altered'] as const;

/** Where tools/build-accelerator.mjs puts it: one place, seen from the sources or from `dist`, and never one beside the installation. */
const PLACE = import.meta.url.endsWith('.ts') ? '../../build/cipher.node' : '../../../build/cipher.node';

/**
 * The cipher in C over the same OpenSSL: a context is made once for a key instead of once for a value. A key's only copy, the expanded
 * one, is overwritten when the key is released or, at the latest, collected.
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
    importKey: (raw) => new NativeKey(binding, raw) as unknown as CipherKey,
    seal: (key, { nonce, aad, plaintext }, out) => binding.seal(NativeKey.handleOf(key), nonce, aad, plaintext, out),
    open: (key, { nonce, aad, ciphertext }, out) => binding.open(NativeKey.handleOf(key), nonce, aad, ciphertext, out),
    sealFields({ secret, info, version, aadPrefix, names, nameBytes, values }, nonces, { commitment, out }) {
      binding.sealFields(secret, info, version, aadPrefix, names, nameBytes, values, commitment, out, nonces);
    },
    openFields({ secret, info, version, aadPrefix, names, nameBytes, values }, commitment, out) {
      return OPENED[binding.openFields(secret, info, version, aadPrefix, names, nameBytes, values, commitment, out)];
    },
    fillRandom: (out) => pool.fill(out),
    random(count) {
      const bytes = new Uint8Array(count);
      pool.fill(bytes);
      return bytes;
    },
  };
}

/** What `CipherKey` is here. */
class NativeKey implements Disposable {
  readonly #binding: Binding;
  readonly #handle: KeyHandle;

  constructor(binding: Binding, raw: Uint8Array) {
    this.#binding = binding;
    this.#handle = binding.importKey(raw);
  }

  /** Throws a TypeError for what is no such key. */
  static handleOf(key: CipherKey): KeyHandle {
    return (key as unknown as NativeKey).#handle;
  }

  [Symbol.dispose](): void {
    this.#binding.release(this.#handle);
  }
}

function load(): Binding {
  const path = fileURLToPath(new URL(PLACE, import.meta.url));
  if (!existsSync(path)) throw new Error('the native cipher was not built');
  const module = { exports: {} };
  // All names now: one that this Node lacks must fail here, not end the process at the first call.
  process.dlopen(module, path, constants.dlopen.RTLD_NOW);
  return module.exports as Binding;
}
