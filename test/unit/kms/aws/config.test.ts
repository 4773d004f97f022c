import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { awsSettingsSchema } from '../../../../src/kms/aws/config.ts';
import { targetOf } from '../../../../src/kms/aws/key-reference.ts';
import { KEY_ARN, KEY_ID } from './aws-samples.ts';

const MRK_ID = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const ALIAS_ARN = 'arn:aws:kms:us-east-1:111122223333:alias/acme';
const FOREIGN_ARN = KEY_ARN.replace('us-east-1', 'eu-west-1');
const ROLE = 'arn:aws:iam::111122223333:role/keyside';

describe('the settings of an AWS key', () => {
  const sound: readonly { readonly name: string; readonly input: object }[] = [
    { name: 'a key ARN alone', input: { keyId: KEY_ARN } },
    { name: 'a key id with its region', input: { keyId: KEY_ID, region: 'us-east-1' } },
    { name: 'a multi-Region key id', input: { keyId: MRK_ID, region: 'eu-central-1' } },
    {
      name: 'an alias with the keys it leads to',
      input: { keyId: 'alias/acme/prod', region: 'us-east-1', acceptedKeyIds: [KEY_ID] },
    },
    { name: 'an alias whose region an accepted ARN names', input: { keyId: 'alias/acme', acceptedKeyIds: [KEY_ARN] } },
    { name: 'an alias ARN', input: { keyId: ALIAS_ARN, acceptedKeyIds: [KEY_ARN] } },
    { name: 'other partitions', input: { keyId: KEY_ARN.replace('aws', 'aws-us-gov').replace('us-east-1', 'us-gov-west-1') } },
    { name: 'an https endpoint', input: { keyId: KEY_ARN, endpoint: 'https://vpce-1.kms.us-east-1.vpce.amazonaws.com' } },
    { name: 'an http endpoint on loopback', input: { keyId: KEY_ARN, endpoint: 'http://127.0.0.1:4599' } },
    { name: 'an http endpoint on IPv6 loopback', input: { keyId: KEY_ARN, endpoint: 'http://[::1]:4599/' } },
    {
      name: 'a role with a base',
      input: {
        keyId: KEY_ARN,
        credentials: { source: 'assume-role', roleArn: ROLE, externalId: 'a:b', base: { source: 'file', file: 'f' } },
      },
    },
    { name: 'a web identity', input: { keyId: KEY_ARN, credentials: { source: 'web-identity', roleArn: ROLE, tokenFile: 't' } } },
  ];
  for (const { name, input } of sound) {
    it(`may be ${name}, and checking them twice changes nothing`, () => {
      const once = awsSettingsSchema.parse(input);
      assert.deepEqual(awsSettingsSchema.parse(once), once);
    });
  }

  const faulty: readonly { readonly name: string; readonly input: object; readonly at: string; readonly says: RegExp }[] = [
    { name: 'an unknown setting', input: { keyId: KEY_ARN, secretAccessKey: 'x' }, at: '', says: /secretAccessKey/ },
    {
      name: 'a key that is no key',
      input: { keyId: 'https://kms.example', region: 'us-east-1' },
      at: 'keyId',
      says: /must be a key id/,
    },
    { name: 'a path', input: { keyId: `../${KEY_ID}`, region: 'us-east-1' }, at: 'keyId', says: /must be a key id/ },
    {
      name: 'an ARN of another service',
      input: { keyId: KEY_ARN.replace(':kms:', ':s3:') },
      at: 'keyId',
      says: /must be a key id/,
    },
    { name: 'a line break after the key', input: { keyId: `${KEY_ARN}\n` }, at: 'keyId', says: /must be a key id/ },
    { name: 'no region', input: { keyId: KEY_ID }, at: 'region', says: /no ARN names it/ },
    {
      name: 'a region other than the ARN',
      input: { keyId: KEY_ARN, region: 'eu-west-1' },
      at: 'keyId',
      says: /region eu-west-1/,
    },
    {
      name: 'accepted keys of another region',
      input: { keyId: KEY_ARN, acceptedKeyIds: [FOREIGN_ARN] },
      at: 'acceptedKeyIds.0',
      says: /us-east-1/,
    },
    {
      name: 'an alias without accepted keys',
      input: { keyId: 'alias/acme', region: 'us-east-1' },
      at: 'acceptedKeyIds',
      says: /alias/,
    },
    { name: 'an alias ARN without accepted keys', input: { keyId: ALIAS_ARN }, at: 'acceptedKeyIds', says: /alias/ },
    {
      name: 'an accepted alias',
      input: { keyId: KEY_ARN, acceptedKeyIds: [ALIAS_ARN] },
      at: 'acceptedKeyIds.0',
      says: /elsewhere/,
    },
    { name: 'http beyond loopback', input: { keyId: KEY_ARN, endpoint: 'http://kms.example' }, at: 'endpoint', says: /https/ },
    {
      name: 'http to a look-alike',
      input: { keyId: KEY_ARN, endpoint: 'http://127.0.0.1.example' },
      at: 'endpoint',
      says: /https/,
    },
    {
      name: 'credentials in a URL',
      input: { keyId: KEY_ARN, endpoint: 'https://a:b@kms.example' },
      at: 'endpoint',
      says: /credentials/,
    },
    { name: 'a path in a URL', input: { keyId: KEY_ARN, endpoint: 'https://kms.example/x' }, at: 'endpoint', says: /path/ },
    { name: 'no URL', input: { keyId: KEY_ARN, endpoint: 'kms' }, at: 'endpoint', says: /https/ },
    {
      name: 'an unknown source',
      input: { keyId: KEY_ARN, credentials: { source: 'inline' } },
      at: 'credentials.source',
      says: /./,
    },
    {
      name: 'a role that is a user',
      input: { keyId: KEY_ARN, credentials: { source: 'assume-role', roleArn: ROLE.replace('role', 'user') } },
      at: 'credentials.roleArn',
      says: /IAM role/,
    },
    {
      name: 'a role assumed through a role',
      input: {
        keyId: KEY_ARN,
        credentials: { source: 'assume-role', roleArn: ROLE, base: { source: 'assume-role', roleArn: ROLE } },
      },
      at: 'credentials.base.source',
      says: /./,
    },
  ];
  for (const { name, input, at, says } of faulty) {
    it(`may not hold ${name}`, () => {
      const { error } = awsSettingsSchema.safeParse(input);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
      assert.match(error?.issues[0]?.message ?? '', says);
    });
  }

  it('say by default that the SDK finds the credentials', () => {
    assert.deepEqual(awsSettingsSchema.parse({ keyId: KEY_ARN }).credentials, { source: 'ambient' });
  });
});

describe('where the settings of an AWS key lead', () => {
  it('is the region of the ARN, and the key is accepted under its full ARN', () => {
    const { region, accepted } = targetOf({ keyId: KEY_ARN, acceptedKeyIds: [KEY_ID, MRK_ID] });
    assert.equal(region, 'us-east-1');
    assert.deepEqual(
      [...accepted],
      [
        [KEY_ID, KEY_ARN],
        [MRK_ID, MRK_ID],
      ],
    );
  });

  it('is none of the keys that an alias may lead to unless they are listed', () => {
    const { accepted, keyName } = targetOf({ keyId: 'alias/acme', region: 'us-east-1', acceptedKeyIds: [KEY_ID, KEY_ARN] });
    assert.equal(keyName, 'alias/acme');
    assert.deepEqual([...accepted], [[KEY_ID, KEY_ARN]]);
  });
});
