import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, it, mock } from 'node:test';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { cipherContract } from './cipher-contract.ts';

cipherContract('the cipher of Node', nodeCipher());

describe('the cipher of Node', () => {
  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  it('tells Node that tags are 16 bytes: unless told, it takes one of 4 for enough', () => {
    const seal = mock.method(crypto, 'createCipheriv');
    const open = mock.method(crypto, 'createDecipheriv');
    syncBuiltinESMExports();
    const cipher = nodeCipher();
    const [key, nonce, aad, sealed] = [cipher.importKey(Buffer.alloc(32)), Buffer.alloc(12), Buffer.alloc(0), Buffer.alloc(17)];
    cipher.seal(key, { nonce, aad, plaintext: Buffer.alloc(1) }, sealed);
    assert.equal(cipher.open(key, { nonce, aad, ciphertext: sealed }, Buffer.alloc(1)), true);
    for (const calls of [seal.mock.calls, open.mock.calls]) {
      assert.deepEqual(
        calls.map(({ arguments: [algorithm, , , options] }) => [algorithm, options]),
        [['aes-256-gcm', { authTagLength: 16 }]],
      );
    }
  });
});
