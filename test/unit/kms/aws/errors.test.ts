import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { AWS_ERRORS, KEY_STORE_ERRORS } from '../../../../src/kms/aws/error-table.ts';
import { awsProvider } from '../../../../src/kms/aws/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { AwsStub, kmsError, type StubAnswer, type StubRequest } from '../../../fakes/kms-aws-stub.ts';
import { credentialsFile, KEY_ARN, KEY_ID, keyMetadata } from './aws-samples.ts';

const WRAPPED = { algorithm: 1, keyVersion: KEY_ID, ciphertext: Uint8Array.of(1) } as const;
const CONTEXT = contextOf();

describe('what AWS answers becomes a reason of ours:', () => {
  let stub: AwsStub;
  let key: KmsKey;

  before(async () => {
    stub = await AwsStub.start();
    const credentials = { source: 'file', file: await credentialsFile(), profile: 'default' } as const;
    const settings = { keyId: KEY_ARN, endpoint: stub.url, credentials };
    key = awsProvider().open(parseKeyConfigurationId('acme-main'), settings);
  });
  after(async () => {
    await key.close();
    await stub.stop();
  });
  beforeEach(() => stub.requests.splice(0));

  const unwrap = () => guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope());
  const refuse = (refusal: StubAnswer, facts: StubAnswer) =>
    stub.answer(({ action }: StubRequest) => (action === 'DescribeKey' ? facts : refusal));

  for (const [name, row] of AWS_ERRORS) {
    if (name.endsWith('Error') || row.isToConfirm) continue;
    it(`${name} is ${row.reason}`, async () => {
      stub.answer(() => kmsError(name, row.samples[name]));
      const error = await rejects(unwrap(), row.reason);
      assert.equal(stub.requests.length, 1, 'nothing is asked twice');
      if (row.reason !== 'CIPHERTEXT_REJECTED') assert.ok(error.message.includes(name));
      assert.ok(!error.message.includes('SECRETEXAMPLE') && !error.message.includes('AKIAEXAMPLE'));
    });
  }

  const refusals = ['DisabledException', 'KMSInvalidStateException', 'AccessDeniedException'];
  const states: readonly { readonly state: string; readonly reason: ErrorReason }[] = [
    { state: 'Disabled', reason: 'KEY_REVOKED' },
    { state: 'PendingDeletion', reason: 'KEY_REVOKED' },
    { state: 'PendingReplicaDeletion', reason: 'KEY_REVOKED' },
    { state: 'PendingImport', reason: 'KEY_REVOKED' },
    { state: 'Unavailable', reason: 'KMS_UNAVAILABLE' },
    { state: 'Creating', reason: 'KMS_UNAVAILABLE' },
    { state: 'Updating', reason: 'KMS_UNAVAILABLE' },
    { state: 'Enabled', reason: 'KEY_ACCESS_DENIED' },
    { state: 'SomethingNew', reason: 'KEY_ACCESS_DENIED' },
  ];
  for (const name of refusals) {
    for (const { state, reason } of states) {
      it(`${name} of a key that DescribeKey calls ${state} is ${reason}`, async () => {
        refuse(kmsError(name, 'refused'), keyMetadata({ KeyState: state }));
        const error = await rejects(unwrap(), reason);
        assert.deepEqual(
          stub.requests.map(({ action }) => action),
          ['Decrypt', 'DescribeKey'],
        );
        if (reason === 'KEY_REVOKED') assert.equal(error.details.scope, 'version');
      });
    }

    for (const unconfirmed of ['AccessDeniedException', 'ThrottlingException', 'NotFoundException']) {
      it(`${name} is KEY_ACCESS_DENIED where DescribeKey ends in ${unconfirmed}: nothing is said that was not confirmed`, async () => {
        refuse(kmsError(name, 'refused'), kmsError(unconfirmed, 'not you'));
        await rejects(unwrap(), 'KEY_ACCESS_DENIED');
      });
    }
  }

  for (const { part, reason, sample } of KEY_STORE_ERRORS) {
    it(`in a custom key store, "… ${part} …" is ${reason}`, async () => {
      refuse(kmsError('KMSInvalidStateException', sample), keyMetadata({ KeyState: 'Enabled', CustomKeyStoreId: 'cks-1' }));
      await rejects(unwrap(), reason);
    });
  }

  it('in a custom key store, a failure without a known cause is weather: a time-out of 250 ms has the same name', async () => {
    const message = 'The external key store proxy did not respond to the request in the time allotted. Retry the request.';
    refuse(kmsError('KMSInvalidStateException', message), keyMetadata({ KeyState: 'Enabled', CustomKeyStoreId: 'cks-1' }));
    await rejects(unwrap(), 'KMS_UNAVAILABLE');
  });

  const answers: readonly { readonly name: string; readonly answer: StubAnswer; readonly reason: ErrorReason }[] = [
    { name: 'an error unknown to us with status 500', answer: kmsError('NewFault', '', 500), reason: 'KMS_UNAVAILABLE' },
    { name: 'an error unknown to us with status 400', answer: kmsError('NewFault', '', 400), reason: 'KEY_MISCONFIGURED' },
    { name: 'an error unknown to us with status 403', answer: kmsError('NewFault', '', 403), reason: 'KEY_ACCESS_DENIED' },
    { name: 'an error unknown to us with status 429', answer: kmsError('NewFault', '', 429), reason: 'KMS_THROTTLED' },
    { name: "a proxy's page with status 503", answer: { status: 503, body: '<html>busy</html>' }, reason: 'KMS_UNAVAILABLE' },
    { name: "a proxy's page with status 200", answer: { body: '<html>log in</html>' }, reason: 'KMS_UNAVAILABLE' },
    { name: 'a connection that is dropped', answer: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'an answer without a data key', answer: { body: { KeyId: KEY_ARN } }, reason: 'CIPHERTEXT_REJECTED' },
    {
      name: 'a data key from another key',
      answer: { body: { KeyId: KEY_ARN.replace(/.$/, '0'), Plaintext: Buffer.alloc(32).toString('base64') } },
      reason: 'CIPHERTEXT_REJECTED',
    },
  ];
  for (const { name, answer, reason } of answers) {
    it(`${name} is ${reason}`, async () => {
      stub.answer(() => answer);
      await rejects(unwrap(), reason);
    });
  }

  it('a Retry-After is handed on', async () => {
    stub.answer(() => ({ status: 400, headers: { 'retry-after': '7' }, body: { __type: 'ThrottlingException' } }));
    assert.equal((await rejects(unwrap(), 'KMS_THROTTLED')).retryAfterMs, 7_000);
  });

  it('describe states every state of a key, and refuses a key that cannot wrap', async () => {
    const wanted = {
      Enabled: 'enabled',
      Disabled: 'disabled',
      PendingDeletion: 'pending-deletion',
      PendingImport: 'disabled',
      Updating: 'unknown',
    };
    for (const [KeyState, state] of Object.entries(wanted)) {
      stub.answer(() => keyMetadata({ KeyState }));
      assert.equal((await guardOf(key).describe(scope())).state, state);
    }
    for (const unfit of [
      { KeySpec: 'RSA_4096' },
      { KeyUsage: 'SIGN_VERIFY' },
      { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    ]) {
      stub.answer(() => keyMetadata(unfit));
      await rejects(guardOf(key).describe(scope()), 'KEY_MISCONFIGURED');
    }
  });
});
