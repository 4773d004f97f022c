import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { type AwsSettings, awsSettingsSchema } from '../../../../src/kms/aws/config.ts';
import { awsProvider } from '../../../../src/kms/aws/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { AwsStub, stsCredentials, stsError } from '../../../fakes/kms-aws-stub.ts';
import { credentialsFile, credentialsText, KEY_ARN, keyMetadata } from './aws-samples.ts';

const ROLE = 'arn:aws:iam::111122223333:role/keyside';

describe('the credentials of an AWS key', () => {
  let kms: AwsStub;
  let sts: AwsStub;
  let file: string;
  const open: KmsKey[] = [];

  before(async () => {
    kms = await AwsStub.start(() => keyMetadata());
    sts = await AwsStub.start();
    file = await credentialsFile();
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await Promise.all([kms.stop(), sts.stop()]);
  });
  beforeEach(() => {
    kms.requests.splice(0);
    sts.requests.splice(0);
    sts.answer(({ action }) => stsCredentials(action, 'ASIAROLE'));
  });

  function keyWith(credentials: unknown): KmsKey {
    const settings: AwsSettings = awsSettingsSchema.parse({ keyId: KEY_ARN, endpoint: kms.url, credentials });
    const key = awsProvider().open(parseKeyConfigurationId('acme-main'), settings);
    open.push(key);
    return key;
  }

  const describeOnce = (key: KmsKey) => guardOf(key, { maxAttempts: 1 }).describe(scope());
  const signedBy = (stub: AwsStub) =>
    stub.requests.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1]);

  it('from a file are read again once the file is another', async () => {
    const rotating = await credentialsFile('AKIAFIRST');
    const key = keyWith({ source: 'file', file: rotating });
    await describeOnce(key);
    await describeOnce(key);
    const next = join(dirname(rotating), 'next');
    await writeFile(next, credentialsText('AKIASECOND'));
    await rename(next, rotating);
    await describeOnce(key);
    assert.deepEqual(signedBy(kms), ['AKIAFIRST', 'AKIAFIRST', 'AKIASECOND']);
  });

  it('from a role are asked of STS once, with the external id and the session name', async () => {
    const role = {
      source: 'assume-role',
      roleArn: ROLE,
      externalId: 'acme:42',
      stsEndpoint: sts.url,
      base: { source: 'file', file },
    };
    const key = keyWith(role);
    await describeOnce(key);
    await describeOnce(key);
    assert.deepEqual(signedBy(sts), ['AKIAEXAMPLE']);
    const { RoleArn, ExternalId, RoleSessionName } = sts.requests[0]?.body ?? {};
    assert.deepEqual(
      { RoleArn, ExternalId, RoleSessionName },
      { RoleArn: ROLE, ExternalId: 'acme:42', RoleSessionName: 'keyside' },
    );
    assert.deepEqual(signedBy(kms), ['ASIAROLE', 'ASIAROLE']);
    assert.equal(kms.requests[0]?.headers['x-amz-security-token'], 'token-of-ASIAROLE');
  });

  it('from a token are exchanged at STS, and can be the base of another role', async () => {
    const tokenFile = join(dirname(file), 'token');
    await writeFile(tokenFile, 'the.token');
    const webIdentity = { source: 'web-identity', roleArn: `${ROLE}-pod`, tokenFile, stsEndpoint: sts.url };
    await describeOnce(keyWith(webIdentity));
    const { Action, RoleArn, WebIdentityToken } = sts.requests[0]?.body ?? {};
    assert.deepEqual([Action, RoleArn, WebIdentityToken], ['AssumeRoleWithWebIdentity', `${ROLE}-pod`, 'the.token']);
    sts.requests.splice(0);
    await describeOnce(keyWith({ source: 'assume-role', roleArn: ROLE, stsEndpoint: sts.url, base: webIdentity }));
    assert.deepEqual(
      sts.requests.map(({ action }) => action),
      ['AssumeRoleWithWebIdentity', 'AssumeRole'],
    );
  });

  const role = () => ({ source: 'assume-role', roleArn: ROLE, stsEndpoint: sts.url, base: { source: 'file', file } });
  const failures = [
    {
      name: 'STS that refuses the role',
      answer: stsError('AccessDenied', 'not authorized to perform: sts:AssumeRole'),
      reason: 'KEY_ACCESS_DENIED',
    },
    { name: 'STS that does not know the access key', answer: stsError('InvalidClientTokenId'), reason: 'KEY_MISCONFIGURED' },
    { name: 'STS that throttles', answer: stsError('Throttling', 'Rate exceeded', 400), reason: 'KMS_THROTTLED' },
    { name: 'STS with a fault of its own', answer: stsError('InternalFailure', '', 500), reason: 'KMS_UNAVAILABLE' },
  ] as const;
  for (const { name, answer, reason } of failures) {
    it(`${name} ends in ${reason}`, async () => {
      sts.answer(() => answer);
      await rejects(describeOnce(keyWith(role())), reason);
      assert.equal(kms.requests.length, 0);
    });
  }

  it('STS that cannot be reached is weather', async () => {
    const gone = await AwsStub.start();
    const stsEndpoint = gone.url;
    await gone.stop();
    await rejects(describeOnce(keyWith({ ...role(), stsEndpoint })), 'KMS_UNAVAILABLE');
  });

  const broken = [
    { name: 'a file that is missing', credentials: { source: 'file', file: '/nonexistent/credentials' } },
    { name: 'a token that is missing', credentials: { source: 'web-identity', roleArn: ROLE, tokenFile: '/nonexistent/token' } },
  ];
  for (const { name, credentials } of broken) {
    it(`${name} is KEY_MISCONFIGURED`, async () => {
      await rejects(describeOnce(keyWith(credentials)), 'KEY_MISCONFIGURED');
    });
  }

  it('a profile that the file does not have is KEY_MISCONFIGURED', async () => {
    await rejects(describeOnce(keyWith({ source: 'file', file, profile: 'nobody' })), 'KEY_MISCONFIGURED');
  });

  it('show in no error', async () => {
    sts.answer(() => stsError('InvalidClientTokenId', 'AKIAEXAMPLE'));
    const error = await rejects(describeOnce(keyWith(role())), 'KEY_MISCONFIGURED');
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error.details)}`, /AKIA|ASIA|SECRET|token-of/);
  });
});
