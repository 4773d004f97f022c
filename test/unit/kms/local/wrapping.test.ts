import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { nodeCipher } from '../../../../src/cipher/node-cipher.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { openDataKey, sealDataKey } from '../../../../src/kms/local/wrapping.ts';
import { contextOf } from '../../../contract/kms-calls.ts';

const cipher = nodeCipher();
const KEK = Buffer.alloc(32, 0x11);
const DATA_KEY = Buffer.alloc(32, 0x22);
const SALT = Buffer.alloc(24, 0x33);
const context = contextOf({ share: 1, shareCount: 2 });

const lp = (text: string) => Buffer.concat([Buffer.from([text.length >> 8, text.length & 0xff]), Buffer.from(text)]);

/** docs/format.md, section 3, algorithm 5, written down once more without our own code. */
function expected(): Buffer {
  const wrapContext = Buffer.concat([Buffer.from('keyside.dev/wrap@v1\0'), lp('acme'), lp('acme-main'), Buffer.from([1, 2])]);
  const info = Buffer.concat([Buffer.from('keyside.dev/local@v1\0'), SALT, wrapContext, Buffer.from([1])]);
  const derived = createHmac('sha512', KEK).update(info).digest().subarray(0, 44);
  const gcm = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32));
  return Buffer.concat([SALT, gcm.update(DATA_KEY), gcm.final(), gcm.getAuthTag()]);
}

const kek = () => SecretBytes.copyOf(KEK);

describe('algorithm 5', () => {
  it('is salt || ciphertext || tag under key and nonce derived from KEK, salt and context', () => {
    const wrapped = sealDataKey({ cipher, kek: kek(), context }, SecretBytes.copyOf(DATA_KEY), SALT);
    assert.deepEqual(Buffer.from(wrapped), expected());
    assert.equal(wrapped.length, 72);
  });

  it('opens what it sealed, and nothing of which a single bit differs', () => {
    const wrapped = new Uint8Array(expected());
    assert.deepEqual(openDataKey({ cipher, kek: kek(), context }, wrapped)?.expose(), new Uint8Array(DATA_KEY));
    for (let bit = 0; bit < wrapped.length * 8; bit += 1) {
      const forged = wrapped.slice();
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(openDataKey({ cipher, kek: kek(), context }, forged), undefined);
    }
  });

  it('opens nothing of another length', () => {
    const wrapped = new Uint8Array(expected());
    for (let length = 0; length < wrapped.length; length += 1) {
      assert.equal(openDataKey({ cipher, kek: kek(), context }, wrapped.subarray(0, length)), undefined);
    }
    assert.equal(openDataKey({ cipher, kek: kek(), context }, Uint8Array.of(...wrapped, 0)), undefined);
  });
});
