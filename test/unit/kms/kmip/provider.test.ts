import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { encodeWrapContext } from '../../../../src/core/encryption-context.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { type KmipSettings, kmipSettingsSchema } from '../../../../src/kms/kmip/config.ts';
import { all, optional, required } from '../../../../src/kms/kmip/fields.ts';
import { kmipProvider } from '../../../../src/kms/kmip/provider.ts';
import { OPERATION, TAG } from '../../../../src/kms/kmip/tags.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { answering, bytesIn, decrypted, encrypted, facts, KEY_UID, located, operationsOf, readRequest } from './kmip-samples.ts';
import { type KmipSetting, kmipSetting } from './kmip-stub.ts';

const { getAttributes, encrypt, decrypt, locate } = OPERATION;
const CONTEXT = contextOf({ share: 1, shareCount: 3 });
const DATA_KEY = new Uint8Array(32).fill(7);
const IV = new Uint8Array(12).fill(5);
const WRAPPED = {
  algorithm: 1,
  keyVersion: '',
  ciphertext: Uint8Array.of(...IV, ...new Uint8Array(32).fill(1), ...new Uint8Array(16).fill(2)),
} as const;
const BY_NAME = { key: { name: 'acme' } } as const;

describe('a key in a KMIP server', () => {
  let setting: KmipSetting;
  const open: KmsKey[] = [];

  before(async () => {
    setting = await kmipSetting(() => 'drop');
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await setting.close();
  });
  beforeEach(() => {
    setting.stub.requests.splice(0);
    setting.stub.answer(answering(SOUND));
  });

  const SOUND = {
    getAttributes: facts(),
    encrypt: encrypted({ iv: IV }),
    decrypt: decrypted(DATA_KEY),
    locate: located(KEY_UID),
  };

  function keyOf(settings: Partial<KmipSettings> = {}, provider = kmipProvider()): KmsKey {
    const sound = { ...setting.target, key: { uniqueIdentifier: KEY_UID }, ...settings };
    const key = provider.open(parseKeyConfigurationId('acme-main'), kmipSettingsSchema.parse(sound));
    open.push(key);
    return key;
  }

  const wrapOf = (key: KmsKey) => {
    const dataKey = SecretBytes.copyOf(DATA_KEY);
    return guardOf(key, { maxAttempts: 1 })
      .wrap({ dataKey, context: CONTEXT }, scope())
      .finally(() => dataKey.wipe());
  };
  const unwrapOf = (key: KmsKey) => guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope());
  const asked = (): readonly (readonly number[])[] => setting.stub.requests.map(operationsOf);
  const itemOf = (request: number, item: number) => {
    const found = readRequest(setting.stub.requests[request] ?? new Uint8Array()).items[item];
    assert.ok(found !== undefined);
    return found.payload;
  };

  it('asks for its state and its use in one request, and for nothing else', async () => {
    const key = keyOf();
    const wrapped = await wrapOf(key);
    assert.deepEqual(wrapped, WRAPPED);
    (await unwrapOf(key)).wipe();
    assert.deepEqual(asked(), [
      [getAttributes, encrypt],
      [getAttributes, decrypt],
    ]);
    const names = all(itemOf(0, 0), TAG.attributeName, 'text').map(({ value }) => value);
    assert.deepEqual(names, [
      'Object Type',
      'Cryptographic Algorithm',
      'Cryptographic Length',
      'Cryptographic Usage Mask',
      'State',
    ]);
    const encrypting = itemOf(0, 1);
    assert.equal(required(encrypting, TAG.uniqueIdentifier, 'text').value, KEY_UID);
    assert.deepEqual(bytesIn(encrypting, TAG.data), DATA_KEY);
    assert.equal(bytesIn(encrypting, TAG.ivCounterNonce), undefined);
    assert.deepEqual(bytesIn(encrypting, TAG.authenticatedEncryptionAdditionalData), encodeWrapContext(CONTEXT));
    const decrypting = itemOf(1, 1);
    assert.deepEqual(bytesIn(decrypting, TAG.ivCounterNonce), IV);
    assert.deepEqual(bytesIn(decrypting, TAG.data), new Uint8Array(32).fill(1));
    assert.deepEqual(bytesIn(decrypting, TAG.authenticatedEncryptionTag), new Uint8Array(16).fill(2));
    assert.deepEqual(bytesIn(decrypting, TAG.authenticatedEncryptionAdditionalData), encodeWrapContext(CONTEXT));
  });

  it('asks for AES-GCM with a tag of 16 bytes, and for a random IV where the server is to make it', async () => {
    const parameters = async (settings: Partial<KmipSettings>) => {
      setting.stub.requests.splice(0);
      await wrapOf(keyOf(settings));
      const found = required(itemOf(0, 1), TAG.cryptographicParameters, 'structure');
      return {
        mode: required(found, TAG.blockCipherMode, 'enumeration').value,
        algorithm: required(found, TAG.cryptographicAlgorithm, 'enumeration').value,
        tagLength: required(found, TAG.tagLength, 'integer').value,
        randomIv: optional(found, TAG.randomIv, 'boolean')?.value,
      };
    };
    const gcm = { mode: 9, algorithm: 3, tagLength: 16 };
    assert.deepEqual(await parameters({}), { ...gcm, randomIv: true });
    setting.stub.answer(answering({ ...SOUND, encrypt: encrypted() }));
    assert.deepEqual(await parameters({ ivSource: 'caller' }), { ...gcm, randomIv: undefined });
  });

  it('sends IVs of its own where it is told to, each another one, and stores them', async () => {
    setting.stub.answer(answering({ ...SOUND, encrypt: encrypted() }));
    const key = keyOf({ ivSource: 'caller' });
    const [first, second] = [await wrapOf(key), await wrapOf(key)];
    assert.deepEqual(
      [first, second].map(({ ciphertext }) => ciphertext.subarray(0, 12)),
      [0, 1].map((request) => bytesIn(itemOf(request, 1), TAG.ivCounterNonce)),
    );
    assert.notDeepEqual(first.ciphertext, second.ciphertext);
  });

  it('asks in two requests where the server takes no batches, and does not use a key that is not Active', async () => {
    const key = keyOf({ batching: false });
    await wrapOf(key);
    assert.deepEqual(asked(), [[getAttributes], [encrypt]]);
    setting.stub.requests.splice(0);
    setting.stub.answer(answering({ getAttributes: facts({ State: 3 }) }));
    await rejects(unwrapOf(key), 'KEY_REVOKED');
    assert.deepEqual(asked(), [[getAttributes]]);
  });

  it('sends the data key as it was when it was asked, though the caller gives up and wipes it', async () => {
    const key = keyOf();
    const dataKey = SecretBytes.copyOf(DATA_KEY);
    const wrapping = key.wrap({ dataKey, context: CONTEXT }, scope().signal);
    dataKey.wipe();
    await wrapping;
    assert.deepEqual(bytesIn(itemOf(0, 1), TAG.data), DATA_KEY);
  });

  it('looks its name up once, and again when it is not there or was revoked', async () => {
    const key = keyOf(BY_NAME);
    await wrapOf(key);
    (await unwrapOf(key)).wipe();
    assert.deepEqual(asked(), [[locate], [getAttributes, encrypt], [getAttributes, decrypt]]);
    const attributes = all(itemOf(0, 0), TAG.attribute, 'structure');
    const name = required(attributes[0] ?? itemOf(0, 0), TAG.attributeValue, 'structure');
    assert.equal(required(name, TAG.nameValue, 'text').value, 'acme');
    assert.equal(required(attributes[1] ?? itemOf(0, 0), TAG.attributeValue, 'enumeration').value, 2);
    for (const [answer, reason] of [
      [{ reason: 1 }, 'KEY_NOT_FOUND'],
      [facts({ State: 3 }), 'KEY_REVOKED'],
    ] as const) {
      setting.stub.answer(answering({ ...SOUND, getAttributes: answer }));
      await rejects(unwrapOf(key), reason);
      setting.stub.requests.splice(0);
      setting.stub.answer(answering(SOUND));
      (await unwrapOf(key)).wipe();
      assert.deepEqual(asked(), [[locate], [getAttributes, decrypt]]);
    }
  });

  it('of a name that is nobody’s is not found, and of one that is not its alone is misconfigured', async () => {
    setting.stub.answer(answering({ locate: located() }));
    await rejects(wrapOf(keyOf(BY_NAME)), 'KEY_NOT_FOUND');
    setting.stub.answer(answering({ locate: located('1', '2') }));
    await rejects(wrapOf(keyOf(BY_NAME)), 'KEY_MISCONFIGURED');
  });

  const versions = [
    { name: 'what it writes', wrapped: { algorithm: 1, keyVersion: '' }, accepted: true },
    { name: 'a version', wrapped: { algorithm: 1, keyVersion: '1' }, accepted: false },
    { name: 'its own identifier as a version', wrapped: { algorithm: 1, keyVersion: KEY_UID }, accepted: false },
    { name: 'another algorithm', wrapped: { algorithm: 3, keyVersion: '' }, accepted: false },
  ] as const;
  for (const { name, wrapped, accepted } of versions) {
    it(`${accepted ? 'accepts' : 'does not accept'} ${name}`, () => {
      assert.equal(keyOf().accepts(wrapped), accepted);
    });
  }

  it('asks nothing about a wrap of a length that it never writes', async () => {
    const wrapped = { ...WRAPPED, ciphertext: new Uint8Array(59) };
    await rejects(guardOf(keyOf()).unwrap({ wrapped, context: CONTEXT }, scope()), 'CIPHERTEXT_REJECTED');
    assert.equal(setting.stub.requests.length, 0);
  });

  it('ends calls under way with KMS_UNAVAILABLE when it is closed', async () => {
    setting.stub.answer(() => 'hang');
    const key = keyOf();
    const asking = rejects(key.describe(scope().signal), 'KMS_UNAVAILABLE');
    await setting.stub.reached(1);
    await key.close();
    await asking;
  });

  it('shares its connections with keys of the same server and files, and outlives them', async () => {
    const before = setting.stub.connections;
    const provider = kmipProvider();
    const [first, second] = [keyOf({}, provider), keyOf(BY_NAME, provider)];
    await wrapOf(first);
    await wrapOf(second);
    await first.close();
    await first.close();
    await wrapOf(second);
    assert.equal(setting.stub.connections, before + 1);
  });

  it('has one connection for each call at once, up to the number that is set', async () => {
    const before = setting.stub.connections;
    const key = keyOf({ connections: 2 });
    await Promise.all(Array.from({ length: 8 }, () => wrapOf(key)));
    assert.equal(setting.stub.connections, before + 2);
  });

  it('finds its way back when the server has ended its connections', async () => {
    const key = keyOf();
    await wrapOf(key);
    await setting.stub.dropAll();
    const dataKey = SecretBytes.copyOf(DATA_KEY);
    await guardOf(key).wrap({ dataKey, context: CONTEXT }, scope());
    setting.stub.answer(() => 'drop');
    await rejects(wrapOf(key), 'KMS_UNAVAILABLE');
    setting.stub.answer(answering(SOUND));
    await wrapOf(key);
  });
});
