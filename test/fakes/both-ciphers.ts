import assert from 'node:assert/strict';
import type { Cipher, CipherKey } from '../../src/cipher/cipher.ts';
import { nodeCipher } from '../../src/cipher/node-cipher.ts';
import { nativeSetup } from '../unit/cipher/native-setup.ts';

/**
 * Both implementations as one: every call is made of both, and fails unless they give the same bytes and the same answer, or both
 * throw. So whatever is tested with it is tested on each. Where the native one was not built it is that of Node alone;
 * test/unit/cipher/native-cipher.test.ts is then skipped and says why.
 */
export function bothCiphers(): Cipher {
  const node = nodeCipher();
  const { cipher: native } = nativeSetup();
  return native === undefined ? node : both(node, native);
}

/** A key of each. */
interface KeyPair extends CipherKey {
  readonly node: CipherKey;
  readonly native: CipherKey;
}

function both(node: Cipher, native: Cipher): Cipher {
  return {
    ...node,
    expand: (key, info, length) =>
      alike(
        () => node.expand(key, info, length),
        () => native.expand(key, info, length),
      ),
    importKey(raw) {
      const keys = { node: node.importKey(raw), native: native.importKey(raw) };
      const release = (): void => {
        keys.node[Symbol.dispose]();
        keys.native[Symbol.dispose]();
      };
      return { ...keys, [Symbol.dispose]: release } as unknown as CipherKey;
    },
    seal: (key, input, out) => writeAlike((cipher, to) => cipher.seal(keyOf(cipher, key), input, to), out),
    open: (key, input, out) => writeAlike((cipher, to) => cipher.open(keyOf(cipher, key), input, to), out),
    sealFields(batch, nonces, { commitment, out }) {
      const ours = Buffer.alloc(commitment.length);
      writeAlike(
        (cipher, to) => cipher.sealFields(batch, nonces, { commitment: cipher === node ? commitment : ours, out: to }),
        out,
      );
      assert.ok(ours.equals(commitment), 'the ciphers differ in the commitment');
    },
    openFields: (batch, commitment, out) => writeAlike((cipher, to) => cipher.openFields(batch, commitment, to), out),
  };

  function keyOf(cipher: Cipher, key: CipherKey): CipherKey {
    return cipher === node ? (key as KeyPair).node : (key as KeyPair).native;
  }

  /** Runs both, each on an output of its own; the one of Node writes to `out`. */
  function writeAlike<T>(run: (cipher: Cipher, to: Uint8Array) => T, out: Uint8Array): T {
    const ours = Buffer.from(out);
    const result = alike(
      () => run(node, out),
      () => run(native, ours),
    );
    assert.ok(ours.equals(out), 'the ciphers differ in their output');
    return result;
  }
}

/** What the first gives, or throws: the second must do alike. */
function alike<T>(first: () => T, second: () => T): T {
  const [one, other] = [outcomeOf(first), outcomeOf(second)];
  if ('error' in one) {
    assert.ok('error' in other, 'only the cipher of Node threw');
    throw one.error;
  }
  assert.ok('value' in other, 'only the native cipher threw');
  assert.deepEqual(plain(other.value), plain(one.value));
  return one.value;
}

function outcomeOf<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}
