import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { KWP_PAYLOAD, type Payload, rsaPayload } from '../../../src/kms/payload.ts';
import { refused } from '../../fakes/refused.ts';
import { wrapContextOf } from '../../vectors/reader.ts';
import { fromHex, readVectors } from '../../vectors/vectors.ts';

const { aesKwp, rsa } = readVectors('wrap.json');
const cases = [
  ...aesKwp.map((vector) => ({ vector, payload: KWP_PAYLOAD })),
  ...rsa.map((vector) => ({ vector, payload: rsaPayload([SecretBytes.own(fromHex(vector.originKey))]) })),
];
const hex = (secret: SecretBytes): string => Buffer.from(secret.expose()).toString('hex');

describe('the payload of a wrap without additional data', () => {
  for (const { vector, payload } of cases) {
    it(`is that of the vector, both ways, ${vector.name}`, () => {
      const context = wrapContextOf(vector);
      assert.equal(hex(payload.seal(SecretBytes.own(fromHex(vector.dataKey)), context)), vector.payload);
      assert.equal(hex(payload.open(fromHex(vector.payload), context)), vector.dataKey);
    });

    it(`is rejected for another tenant, configuration or share, with any byte altered, and at any other length, ${vector.name}`, async () => {
      const context = wrapContextOf(vector);
      const bytes = fromHex(vector.payload);
      const others = [
        { ...context, tenantId: 'other' as typeof context.tenantId },
        { ...context, configurationId: 'other' as typeof context.configurationId },
        { ...context, share: context.share + 1 },
        { ...context, shareCount: context.shareCount + 1 },
      ];
      for (const other of others) await refused(() => payload.open(bytes, other), 'CIPHERTEXT_REJECTED');
      // AES key wrap authenticates the data key itself; its tag stands for the context alone.
      const first = payload === KWP_PAYLOAD ? 32 : 0;
      for (let at = first; at < bytes.length; at++) {
        const altered = Uint8Array.from(bytes);
        altered[at] = (altered[at] as number) ^ 1;
        await refused(() => payload.open(altered, context), 'CIPHERTEXT_REJECTED');
      }
      for (const length of [0, 32, 63, 65]) {
        await refused(() => payload.open(new Uint8Array(length), context), 'CIPHERTEXT_REJECTED');
      }
    });
  }

  it('opens under an older origin key, and is made under the first', async () => {
    const [older, newer] = [SecretBytes.own(Buffer.alloc(32, 1)), SecretBytes.own(Buffer.alloc(32, 2))];
    const [{ vector }] = cases as [{ vector: (typeof rsa)[number]; payload: Payload }];
    const context = wrapContextOf(vector);
    const dataKey = SecretBytes.own(fromHex(vector.dataKey));
    const rotated = rsaPayload([newer, older]);
    const old = rsaPayload([older]).seal(dataKey, context).expose();
    assert.equal(hex(rotated.open(old, context)), vector.dataKey);
    await refused(() => rsaPayload([older]).open(rotated.seal(dataKey, context).expose(), context), 'CIPHERTEXT_REJECTED');
    assert.throws(() => rsaPayload([]), RangeError);
  });
});
