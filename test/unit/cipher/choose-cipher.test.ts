import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseCipher } from '../../../src/cipher/choose-cipher.ts';
import type { Cipher } from '../../../src/cipher/cipher.ts';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { nativeSetup } from './native-setup.ts';

/** Claims to be native and works, but for what a test changes. */
function pretended(change: Partial<Cipher> = {}): () => Cipher {
  return () => ({ ...nodeCipher(), name: 'native', ...change });
}

const working = nodeCipher();

describe('chooseCipher', () => {
  it('takes the native cipher where it is there and works', () => {
    const { cipher, instead } = chooseCipher(pretended());
    assert.deepEqual([cipher.name, instead], ['native', undefined]);
  });

  it('takes the one that was built, and the one of Node where none was', () => {
    assert.equal(chooseCipher().cipher.name, nativeSetup().cipher === undefined ? 'node' : 'native');
  });

  it('takes the one of Node where the native one cannot be loaded, and says why', () => {
    const { cipher, instead } = chooseCipher(() => {
      throw new Error('undefined symbol: EVP_CIPHER_fetch');
    });
    assert.deepEqual([cipher.name, instead], ['node', 'undefined symbol: EVP_CIPHER_fetch']);
  });

  const faults: readonly { name: string; change: Partial<Cipher> }[] = [
    { name: 'leaves out as it was', change: { seal: () => undefined } },
    { name: 'opens what was altered', change: { open: (key, input, out) => working.open(key, input, out) || true } },
    { name: 'opens nothing', change: { open: () => false } },
    {
      name: 'leaves plaintext where it refuses',
      change: {
        open: (key, input, out) => {
          const isGenuine = working.open(key, input, out);
          if (!isGenuine) out.fill(1);
          return isGenuine;
        },
      },
    },
    { name: 'expands to other bytes', change: { expand: (_key, _info, length) => new Uint8Array(length) } },
    { name: 'seals no fields together', change: { sealFields: () => undefined } },
    { name: 'opens no fields together', change: { openFields: () => 'altered' } },
    { name: 'opens fields together that were altered', change: { openFields: () => 'opened' } },
    {
      name: 'opens fields under another key',
      change: {
        openFields: (batch, _commitment, out) => {
          const [commitment, sealed] = [new Uint8Array(32), { ...batch, values: [] }];
          working.sealFields(sealed, new Uint8Array(0), { commitment, out: new Uint8Array(0) });
          return working.openFields(batch, commitment, out);
        },
      },
    },
    {
      name: 'throws',
      change: {
        importKey: () => {
          throw new TypeError('not a key');
        },
      },
    },
  ];
  for (const { name, change } of faults) {
    it(`takes the one of Node where the native one ${name}`, () => {
      const { cipher, instead } = chooseCipher(pretended(change));
      assert.equal(cipher.name, 'node');
      assert.ok(instead);
    });
  }
});
