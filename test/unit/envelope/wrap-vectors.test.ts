import assert from 'node:assert/strict';
import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeWrapContext } from '../../../src/core/encryption-context.ts';
import { ciphertextRejected } from '../../../src/core/errors.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { parseHeader } from '../../../src/envelope/header.ts';
import type { StoredWrap } from '../../../src/envelope/key-block.ts';
import { openDataKey, sealDataKey } from '../../../src/kms/local/wrapping.ts';
import { bothCiphers } from '../../fakes/both-ciphers.ts';
import { readWithDataKey, text, wrapContextOf } from '../../vectors/reader.ts';
import { fromHex, type Hex, readVectors, type UnwrapVector } from '../../vectors/vectors.ts';
import { assertRefused } from '../core/refusal.ts';

const cipher = bothCiphers();
const secret = (hex: Hex): SecretBytes => SecretBytes.own(fromHex(hex));
/** AES-KWP's alternative initial value (RFC 5649, section 3). */
const KWP_IV = Buffer.from('a65959a6', 'hex');

describe('the vectors of wraps', () => {
  const { local, aesKwp, rsa, localMustFail } = readVectors('wrap.json');

  it('are all there', () => {
    assert.ok(local.length >= 3 && aesKwp.length >= 3 && rsa.length >= 3 && localMustFail.length >= 13);
  });

  for (const vector of local) {
    const wrapping = { cipher, kek: secret(vector.kek), context: wrapContextOf(vector) };

    it(`unwrap to the same key, ${vector.name}`, () => {
      const opened = openDataKey(wrapping, fromHex(vector.wrapped));
      assert.equal(Buffer.from(opened?.expose() ?? []).toString('hex'), vector.dataKey);
    });

    it(`wrap to the same bytes, ${vector.name}`, () => {
      const wrapped = sealDataKey(wrapping, secret(vector.dataKey), fromHex(vector.salt));
      assert.equal(Buffer.from(wrapped).toString('hex'), vector.wrapped);
    });
  }

  for (const vector of localMustFail) {
    it(`do not unwrap, ${vector.name}`, () => {
      const wrapping = { cipher, kek: secret(vector.kek), context: wrapContextOf(vector) };
      assert.equal(openDataKey(wrapping, fromHex(vector.wrapped)), undefined);
    });
  }

  for (const { name, kek, dataKey, payload, wrapped, ...bound } of aesKwp) {
    it(`hold the data key and a tag of the wrap context, ${name}`, () => {
      const tag = createHash('sha512')
        .update(encodeWrapContext(wrapContextOf(bound)))
        .digest()
        .subarray(0, 32);
      assert.equal(dataKey + tag.toString('hex'), payload);
      const unwrap = createDecipheriv('id-aes256-wrap-pad', fromHex(kek), KWP_IV);
      assert.equal(Buffer.concat([unwrap.update(fromHex(wrapped)), unwrap.final()]).toString('hex'), payload);
    });
  }

  for (const { name, originKey, dataKey, payload, ...bound } of rsa) {
    it(`hold the data key and a tag of its origin, ${name}`, () => {
      const hmac = createHmac('sha512', fromHex(originKey)).update(encodeWrapContext(wrapContextOf(bound)));
      const tag = hmac.update(fromHex(dataKey)).digest().subarray(0, 32);
      assert.equal(dataKey + tag.toString('hex'), payload);
    });
  }
});

/** Every data key that some combination of one wrap for each share yields. */
function unwrappedKeys(vector: UnwrapVector): Hex[] {
  const byShare = Map.groupBy(parseHeader(fromHex(vector.edek)).keyBlock.wraps, (wrap) => wrap.share);
  let keys = [Buffer.alloc(32)];
  for (const alternatives of byShare.values()) {
    const parts = alternatives.map((wrap) => unwrapLocal(vector, wrap)).filter((part) => part !== undefined);
    keys = keys.flatMap((key) => parts.map((part) => Buffer.from(key.map((byte, at) => byte ^ (part[at] as number)))));
  }
  return keys.map((key) => key.toString('hex'));
}

function unwrapLocal({ tenant, keks }: UnwrapVector, wrap: StoredWrap): Uint8Array | undefined {
  const held = keks.find((key) => text(key.configuration) === wrap.configurationId && text(key.version) === wrap.keyVersion);
  if (held === undefined) return undefined;
  const { configuration } = held;
  const context = wrapContextOf({ tenant, configuration, share: wrap.share, n: wrap.shareCount });
  return openDataKey({ cipher, kek: secret(held.kek), context }, wrap.ciphertext)?.expose();
}

function readFromKeks(vector: UnwrapVector): void {
  let failure: unknown = ciphertextRejected('no wrap opens');
  for (const dataKey of unwrappedKeys(vector)) {
    try {
      readWithDataKey(cipher, 'document', { ...vector, dataKey });
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

describe('the vectors of alternatives and shares', () => {
  const { valid, mustFail } = readVectors('unwrap.json');
  const whole = readVectors('document.json').valid.filter((vector) => vector.keks.length > 0);

  it('are all there', () => {
    assert.ok(valid.length >= 3 && mustFail.length >= 9 && whole.length >= 20);
  });

  for (const vector of [...valid, ...whole]) {
    it(`open from their KEKs: ${vector.name}`, () => readFromKeks(vector));
  }

  for (const vector of mustFail) {
    it(`are refused: ${vector.name}`, () => {
      assertRefused(() => readFromKeks(vector), vector.reason);
    });
  }
});
