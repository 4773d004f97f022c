import assert from 'node:assert/strict';
import type { Cipher } from '../../src/cipher/cipher.ts';
import { bothCiphers } from '../fakes/both-ciphers.ts';

/** The ciphers with random bytes given beforehand, in the order of use. Fails where the sizes differ or none are left. */
export function scriptedCipher(script: readonly Uint8Array[]): Cipher & { readonly unused: () => number } {
  const left = [...script];
  const fillRandom = (out: Uint8Array): void => {
    const next = left.shift();
    assert.ok(next !== undefined, 'more random bytes are used than the vector gives');
    assert.equal(out.length, next.length, 'random bytes are used in another size than the vector gives');
    out.set(next);
  };
  const random = (count: number): Uint8Array => {
    const out = new Uint8Array(count);
    fillRandom(out);
    return out;
  };
  return { ...bothCiphers(), random, fillRandom, unused: () => left.length };
}
