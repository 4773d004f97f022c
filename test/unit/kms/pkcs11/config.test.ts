import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathFieldsOf } from '../../../../src/config/path-fields.ts';
import { WRAP_ALGORITHMS } from '../../../../src/core/providers.ts';
import { pkcs11SettingsSchema } from '../../../../src/kms/pkcs11/config.ts';
import { PRESETS } from '../../../../src/kms/pkcs11/presets.ts';
import { targetOf } from '../../../../src/kms/pkcs11/target.ts';

const LEAST = { module: '/usr/lib/module.so', token: { label: 'keyside' }, key: { id: '01' }, pinFile: 'pin' };

const { aes256Gcm, aesKwp, rsaOaep256 } = WRAP_ALGORITHMS;

describe('the settings of a key in an HSM', () => {
  const sound: readonly { readonly name: string; readonly input: object }[] = [
    { name: 'what is required alone', input: LEAST },
    {
      name: 'a token by serial, a slot, a key by label',
      input: { ...LEAST, token: { serial: '0001' }, slot: 0, key: { label: 'ä' } },
    },
    { name: 'an init string', input: { ...LEAST, preset: 'nss', initString: "configdir='sql:/db'" } },
    {
      name: 'mechanisms of its own',
      input: { ...LEAST, mechanisms: { aesKwp: 0x8000_0171 }, kwpCall: 'wrap', ivPolicy: 'hsm-prefix' },
    },
    { name: 'a key pair', input: { ...LEAST, keyClass: 'rsa', algorithm: 'rsa-oaep' } },
    { name: 'SHA-1 where tests allow it', input: { ...LEAST, keyClass: 'rsa', oaepHash: 'sha1', allowSha1ForTests: true } },
    { name: 'a previous algorithm', input: { ...LEAST, acceptedAlgorithms: ['aes-gcm'] } },
  ];
  for (const { name, input } of sound) {
    it(`may be ${name}, and checking them twice changes nothing`, () => {
      const once = pkcs11SettingsSchema.parse(input);
      assert.deepEqual(pkcs11SettingsSchema.parse(once), once);
    });
  }

  const faulty: readonly { readonly name: string; readonly input: object; readonly at: string; readonly says: RegExp }[] = [
    { name: 'a PIN by value', input: { ...LEAST, pin: '1234' }, at: '', says: /pin/ },
    { name: 'a relative module', input: { ...LEAST, module: 'module.so' }, at: 'module', says: /absolute/ },
    { name: 'a token without a name', input: { ...LEAST, token: {} }, at: 'token', says: /label or serial/ },
    {
      name: 'a token label beyond 32 bytes',
      input: { ...LEAST, token: { label: 'ä'.repeat(17) } },
      at: 'token.label',
      says: /32 bytes/,
    },
    { name: 'a serial of two lines', input: { ...LEAST, token: { serial: '1\n2' } }, at: 'token.serial', says: /printable/ },
    { name: 'a key without a name', input: { ...LEAST, key: {} }, at: 'key', says: /id or label/ },
    { name: 'a key id that is no hex', input: { ...LEAST, key: { id: '0g' } }, at: 'key.id', says: /hex/ },
    { name: 'half a byte of key id', input: { ...LEAST, key: { id: '012' } }, at: 'key.id', says: /hex/ },
    { name: 'an unknown preset', input: { ...LEAST, preset: 'utimaco' }, at: 'preset', says: /./ },
    { name: 'RSA-OAEP with a secret key', input: { ...LEAST, algorithm: 'rsa-oaep' }, at: 'algorithm', says: /secret/ },
    { name: 'AES with a key pair', input: { ...LEAST, keyClass: 'rsa', algorithm: 'aes-kwp' }, at: 'algorithm', says: /rsa/ },
    {
      name: 'accepted wraps of another class',
      input: { ...LEAST, acceptedAlgorithms: ['aes-gcm', 'rsa-oaep'] },
      at: 'acceptedAlgorithms.1',
      says: /secret/,
    },
    { name: 'SHA-1 for real', input: { ...LEAST, keyClass: 'rsa', oaepHash: 'sha1' }, at: 'oaepHash', says: /tests only/ },
    {
      name: 'a mechanism beyond 32 bits',
      input: { ...LEAST, mechanisms: { aesGcm: 2 ** 32 } },
      at: 'mechanisms.aesGcm',
      says: /./,
    },
    { name: 'no session', input: { ...LEAST, sessions: 0 }, at: 'sessions', says: /./ },
  ];
  for (const { name, input, at, says } of faulty) {
    it(`may not hold ${name}`, () => {
      const { error } = pkcs11SettingsSchema.safeParse(input);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
      assert.match(error?.issues[0]?.message ?? '', says);
    });
  }

  it('name one file that is a secret: the PIN', () => {
    assert.deepEqual(pathFieldsOf(pkcs11SettingsSchema), [['pinFile']]);
  });
});

describe('where the settings of a key in an HSM lead', () => {
  const target = (change: object) => targetOf(pkcs11SettingsSchema.parse({ ...LEAST, ...change }));

  const defaults: readonly { readonly change: object; readonly algorithm: number; readonly method: object }[] = [
    { change: {}, algorithm: aesKwp, method: { name: 'aes-kwp', mechanism: 0x210b, call: 'encrypt' } },
    { change: { preset: 'softhsm' }, algorithm: aesKwp, method: { name: 'aes-kwp', mechanism: 0x210a, call: 'wrap' } },
    { change: { preset: 'nss' }, algorithm: aesKwp, method: { name: 'aes-kwp', mechanism: 0x210b, call: 'encrypt' } },
    { change: { preset: 'luna' }, algorithm: aesKwp, method: { name: 'aes-kwp', mechanism: 0x80000171, call: 'encrypt' } },
    {
      change: { preset: 'luna-fips', algorithm: 'aes-gcm' },
      algorithm: aes256Gcm,
      method: { name: 'aes-gcm', mechanism: 0x1087, ivPolicy: 'hsm-suffix' },
    },
    {
      change: { preset: 'cloudhsm' },
      algorithm: aes256Gcm,
      method: { name: 'aes-gcm', mechanism: 0x80001087, ivPolicy: 'hsm-prefix' },
    },
    {
      change: { preset: 'cloudhsm', algorithm: 'aes-kwp' },
      algorithm: aesKwp,
      method: { name: 'aes-kwp', mechanism: 0x8000216f, call: 'wrap' },
    },
    { change: { keyClass: 'rsa' }, algorithm: rsaOaep256, method: { name: 'rsa-oaep', mechanism: 9, hash: 'sha256' } },
    {
      change: { mechanisms: { aesKwp: 0x2109 }, kwpCall: 'wrap' },
      algorithm: aesKwp,
      method: { name: 'aes-kwp', mechanism: 0x2109, call: 'wrap' },
    },
  ];
  for (const { change, algorithm, method } of defaults) {
    it(`is by ${JSON.stringify(change)} to mechanism ${JSON.stringify(method)}`, () => {
      const found = target(change);
      assert.equal(found.algorithm, algorithm);
      assert.deepEqual(found.methods.get(found.algorithm), method);
      assert.equal(found.methods.size, 1);
    });
  }

  it('is to the previous algorithm too where that is accepted', () => {
    const { algorithm, methods } = target({ acceptedAlgorithms: ['aes-gcm'] });
    assert.equal(algorithm, aesKwp);
    assert.deepEqual([...methods.keys()], [aesKwp, aes256Gcm]);
  });

  it('has a preset for each name that the settings know', () => {
    for (const preset of Object.keys(PRESETS)) assert.ok(pkcs11SettingsSchema.safeParse({ ...LEAST, preset }).success, preset);
  });
});
