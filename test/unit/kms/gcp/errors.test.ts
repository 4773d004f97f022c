import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { gcpSettingsSchema } from '../../../../src/kms/gcp/config.ts';
import { EKM_ERRORS, INFO_ERRORS, STATUS_ERRORS } from '../../../../src/kms/gcp/error-table.ts';
import { failureOf } from '../../../../src/kms/gcp/errors.ts';
import { gcpProvider } from '../../../../src/kms/gcp/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { failure, GcpStub, KEY_NAME, keyFacts, type StubAnswer, version } from './gcp-stub.ts';

const WRAPPED = { algorithm: 1, keyVersion: '3', ciphertext: Uint8Array.of(1) } as const;
const CONTEXT = contextOf();
const DISABLED = failure('FAILED_PRECONDITION', STATUS_ERRORS.FAILED_PRECONDITION?.sample, { violations: ['KEY_DISABLED'] });

type Status = Parameters<typeof failure>[0];

describe('what Google answers becomes a reason of ours:', () => {
  let stub: GcpStub;
  let key: KmsKey;

  before(async () => {
    stub = await GcpStub.start();
    const settings = gcpSettingsSchema.parse({ keyName: KEY_NAME, endpoint: stub.url });
    key = gcpProvider().open(parseKeyConfigurationId('acme-main'), settings);
  });
  after(async () => {
    await key.close();
    await stub.stop();
  });
  beforeEach(() => stub.requests.splice(0));

  const unwrap = () => guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope());
  const wrap = async () => {
    using dataKey = SecretBytes.own(new Uint8Array(32));
    return await guardOf(key, { maxAttempts: 1 }).wrap({ dataKey, context: CONTEXT }, scope());
  };
  const asked = () => stub.requests.map(({ method }) => method);

  interface Standing {
    readonly key?: StubAnswer;
    readonly stored?: object;
  }

  function refuse(refusal: StubAnswer, { key: facts = keyFacts(), stored = version('3') }: Standing = {}): void {
    stub.answer(({ method }) => {
      if (method === 'getCryptoKey') return facts;
      return method === 'getCryptoKeyVersion' ? { reply: stored } : refusal;
    });
  }

  for (const [name, row] of Object.entries(STATUS_ERRORS)) {
    if (row.isToConfirm) continue;
    it(`${name} when encrypting is ${row.reason}`, async () => {
      stub.answer(() => failure(name as Status, row.sample));
      const error = await rejects(wrap(), row.reason);
      assert.ok(error.message.includes(name), error.message);
      assert.deepEqual(asked(), ['encrypt'], 'nothing is asked twice');
    });
  }

  for (const [reason, row] of Object.entries(INFO_ERRORS)) {
    it(`PERMISSION_DENIED with the reason ${reason} is ${row.reason}`, async () => {
      stub.answer(() => failure('PERMISSION_DENIED', row.sample, { reason }));
      assert.ok((await rejects(unwrap(), row.reason)).message.includes(row.says));
    });
  }

  const damaged = 'The checksum in field ciphertext_crc32c did not match the data in field ciphertext.';
  const rejections: readonly { readonly name: string; readonly message: string; readonly reason: ErrorReason }[] = [
    {
      name: 'about the key',
      message: "Decryption failed: verify that 'name' refers to the correct CryptoKey.",
      reason: 'CIPHERTEXT_REJECTED',
    },
    {
      name: 'of an external key manager',
      message: 'Decryption failed: The EKM reports that decryption failed.',
      reason: 'CIPHERTEXT_REJECTED',
    },
    { name: 'about a checksum', message: damaged, reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, message, reason } of rejections) {
    it(`INVALID_ARGUMENT ${name} when decrypting is ${reason}`, async () => {
      stub.answer(() => failure('INVALID_ARGUMENT', message));
      await rejects(unwrap(), reason);
      assert.deepEqual(asked(), ['decrypt']);
    });
  }

  it('INVALID_ARGUMENT about a checksum when encrypting is KMS_UNAVAILABLE', async () => {
    stub.answer(() => failure('INVALID_ARGUMENT', damaged));
    await rejects(wrap(), 'KMS_UNAVAILABLE');
  });

  for (const [type, row] of Object.entries(EKM_ERRORS)) {
    const after = row.isToConfirm ? ' though the version is enabled' : '';
    it(`an external key manager's ${type} is ${row.reason}${after}`, async () => {
      const refusal = failure('FAILED_PRECONDITION', row.sample, { violations: ['KEY_ENABLED', type] });
      refuse(refusal, { stored: version('3', 'ENABLED', 'EXTERNAL') });
      assert.ok((await rejects(unwrap(), row.reason)).message.includes(`${row.says} (${type})`));
      assert.equal(asked().length, row.isToConfirm ? 3 : 1);
    });
  }

  it('an external key manager that denies the key makes Google disable the version: then it is KEY_REVOKED', async () => {
    const refusal = failure('FAILED_PRECONDITION', '', { violations: ['KEY_DISABLED', 'EXTERNAL_PERMISSION_DENIED'] });
    refuse(refusal, { stored: version('3', 'DISABLED', 'EXTERNAL') });
    await rejects(unwrap(), 'KEY_REVOKED');
  });

  for (const level of ['EXTERNAL', 'EXTERNAL_VPC']) {
    it(`a failure of an ${level} key that is new to us is weather while its version is enabled`, async () => {
      refuse(failure('FAILED_PRECONDITION', 'something new', { violations: ['KEY_ENABLED', 'NEW_DOMAIN'] }), {
        stored: version('3', 'ENABLED', level),
      });
      await rejects(unwrap(), 'KMS_UNAVAILABLE');
    });
  }

  it('a version of an external key that is named as disabled, and is enabled when asked for, is no weather', async () => {
    refuse(DISABLED, { stored: version('3', 'ENABLED', 'EXTERNAL') });
    await rejects(unwrap(), 'KEY_ACCESS_DENIED');
  });

  const standings: readonly {
    readonly stored: string;
    readonly primary: object | null;
    readonly reason: ErrorReason;
    readonly scope?: 'key' | 'version';
  }[] = [
    { stored: 'DISABLED', primary: version('4'), reason: 'KEY_REVOKED', scope: 'version' },
    { stored: 'DESTROY_SCHEDULED', primary: version('4'), reason: 'KEY_REVOKED', scope: 'version' },
    { stored: 'DESTROYED', primary: version('4'), reason: 'KEY_REVOKED', scope: 'version' },
    { stored: 'PENDING_EXTERNAL_DESTRUCTION', primary: version('4'), reason: 'KEY_REVOKED', scope: 'version' },
    { stored: 'EXTERNAL_DESTRUCTION_FAILED', primary: version('4'), reason: 'KEY_REVOKED', scope: 'version' },
    { stored: 'DISABLED', primary: version('3', 'DISABLED'), reason: 'KEY_REVOKED', scope: 'key' },
    { stored: 'DISABLED', primary: version('3', 'ENABLED'), reason: 'KEY_REVOKED', scope: 'key' }, // disabled in between
    { stored: 'DISABLED', primary: version('4', 'DISABLED'), reason: 'KEY_REVOKED', scope: 'key' },
    { stored: 'DESTROYED', primary: version('4', 'DESTROY_SCHEDULED'), reason: 'KEY_REVOKED', scope: 'key' },
    { stored: 'DISABLED', primary: null, reason: 'KEY_REVOKED', scope: 'key' },
    { stored: 'PENDING_GENERATION', primary: version('4'), reason: 'KMS_UNAVAILABLE' },
    { stored: 'PENDING_IMPORT', primary: version('4'), reason: 'KMS_UNAVAILABLE' },
    { stored: 'IMPORT_FAILED', primary: version('4'), reason: 'KEY_MISCONFIGURED' },
    { stored: 'GENERATION_FAILED', primary: version('4'), reason: 'KEY_MISCONFIGURED' },
    { stored: 'ENABLED', primary: version('4'), reason: 'KEY_ACCESS_DENIED' },
    { stored: 'SOMETHING_NEW', primary: version('4'), reason: 'KEY_ACCESS_DENIED' },
  ];
  for (const { stored, primary, reason, scope } of standings) {
    const of =
      primary === null
        ? 'no primary'
        : `primary ${JSON.stringify(primary)
            .match(/Versions\/\d|[A-Z]{6,}(?=",)/g)
            ?.join(' ')}`;
    it(`a refusal to decrypt what version 3 wrapped is ${reason} ${scope ?? ''} where 3 is ${stored} and the key has ${of}`, async () => {
      refuse(DISABLED, { stored: version('3', stored), key: keyFacts({ primary }) });
      const error = await rejects(unwrap(), reason);
      assert.equal(error.details.scope, scope);
      assert.deepEqual(asked().sort(), ['decrypt', 'getCryptoKey', 'getCryptoKeyVersion']);
      const named = stub.requests.find(({ method }) => method === 'getCryptoKeyVersion');
      assert.equal(named?.request.name, `${KEY_NAME}/cryptoKeyVersions/3`);
    });
  }

  const encrypting = [
    { name: 'whose primary version is disabled', facts: { primary: version('4', 'DISABLED') }, reason: 'KEY_REVOKED' },
    { name: 'whose primary version is enabled', facts: {}, reason: 'KEY_ACCESS_DENIED' },
    { name: 'without a primary version', facts: { primary: null }, reason: 'KEY_MISCONFIGURED' },
    { name: 'of another purpose', facts: { purpose: 'MAC', primary: null }, reason: 'KEY_MISCONFIGURED' },
  ] as const;
  for (const { name, facts, reason } of encrypting) {
    it(`a refusal to encrypt under a key ${name} is ${reason}`, async () => {
      refuse(DISABLED, { key: keyFacts(facts) });
      const error = await rejects(wrap(), reason);
      if (reason === 'KEY_REVOKED') assert.equal(error.details.scope, 'key');
      assert.deepEqual(asked(), ['encrypt', 'getCryptoKey']);
    });
  }

  const denied = failure('PERMISSION_DENIED', STATUS_ERRORS.PERMISSION_DENIED?.sample, { reason: 'IAM_PERMISSION_DENIED' });
  for (const { stored, reason } of [
    { stored: 'DISABLED', reason: 'KEY_REVOKED' },
    { stored: 'ENABLED', reason: 'KEY_ACCESS_DENIED' },
  ] as const) {
    it(`a permission that is denied is ${reason} where the version is ${stored}`, async () => {
      refuse(denied, { stored: version('3', stored, 'EXTERNAL') });
      await rejects(unwrap(), reason);
    });
  }

  it('a permission that is denied for everything is KEY_ACCESS_DENIED', async () => {
    stub.answer(() => denied);
    assert.match((await rejects(unwrap(), 'KEY_ACCESS_DENIED')).message, /IAM policy/);
    await rejects(wrap(), 'KEY_ACCESS_DENIED');
    await rejects(guardOf(key).describe(scope()), 'KEY_ACCESS_DENIED');
  });

  for (const unconfirmed of ['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'NOT_FOUND', 'UNAVAILABLE'] as const) {
    it(`a refusal is KEY_ACCESS_DENIED where asking for the state ends in ${unconfirmed}: nothing is said that was not confirmed`, async () => {
      refuse(DISABLED, { key: failure(unconfirmed, 'not you') });
      await rejects(unwrap(), 'KEY_ACCESS_DENIED');
    });
  }

  it('a RetryInfo is handed on', async () => {
    stub.answer(() => failure('RESOURCE_EXHAUSTED', 'slow down', { retrySeconds: 7 }));
    assert.equal((await rejects(unwrap(), 'KMS_THROTTLED')).retryAfterMs, 7_000);
  });

  it('an answer without a data key is rejected', async () => {
    stub.answer(() => ({ reply: { plaintextCrc32c: { value: 0 } } }));
    await rejects(unwrap(), 'CIPHERTEXT_REJECTED');
  });

  const foreign = [
    { name: 'no error at all', error: undefined },
    { name: 'a plain error', error: new TypeError('x is not a function') },
    { name: 'an unknown status', error: Object.assign(new Error(''), { code: 99 }) },
  ];
  for (const { name, error } of foreign) {
    it(`${name} is a fault of ours`, () => {
      assert.equal(failureOf(error, 'decrypt').reason, 'INTERNAL');
    });
  }
});
