import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { federationFileSchema, gcpSettingsSchema, keyFileSchema } from '../../../../src/kms/gcp/config.ts';
import { federationFile, keyFile } from './gcp-credentials.ts';
import { KEY_NAME } from './gcp-stub.ts';

const ACCOUNT = 'keyside@acme-prod.iam.gserviceaccount.com';

describe('the settings of a Google Cloud key', () => {
  const sound: readonly { readonly name: string; readonly input: object }[] = [
    { name: 'a key alone', input: { keyName: KEY_NAME } },
    { name: "a project's number", input: { keyName: KEY_NAME.replace('acme-prod', '123456789012') } },
    { name: 'a project below a domain', input: { keyName: KEY_NAME.replace('acme-prod', 'acme.com:acme-prod') } },
    { name: 'accepted versions', input: { keyName: KEY_NAME, acceptedVersions: [1, 2 ** 31] } },
    { name: 'a regional endpoint', input: { keyName: KEY_NAME, endpoint: 'https://cloudkms.europe-west3.rep.googleapis.com' } },
    { name: 'an emulator on loopback', input: { keyName: KEY_NAME, endpoint: 'http://127.0.0.1:9090' } },
    { name: 'an emulator on IPv6 loopback', input: { keyName: KEY_NAME, endpoint: 'http://[::1]:9090/' } },
    { name: 'a key file', input: { keyName: KEY_NAME, credentials: { source: 'key-file', file: 'f' } } },
    {
      name: 'federation and an account to act as',
      input: {
        keyName: KEY_NAME,
        credentials: { source: 'federation', file: 'f', impersonate: { serviceAccount: ACCOUNT, lifetimeSeconds: 900 } },
      },
    },
  ];
  for (const { name, input } of sound) {
    it(`may be ${name}, and checking them twice changes nothing`, () => {
      const once = gcpSettingsSchema.parse(input);
      assert.deepEqual(gcpSettingsSchema.parse(once), once);
    });
  }

  const ambient = (impersonate: object) => ({ keyName: KEY_NAME, credentials: { source: 'ambient', impersonate } });
  const faulty: readonly { readonly name: string; readonly input: object; readonly at: string }[] = [
    { name: 'an unknown setting', input: { keyName: KEY_NAME, apiKey: 'x' }, at: '' },
    { name: 'a key version', input: { keyName: `${KEY_NAME}/cryptoKeyVersions/1` }, at: 'keyName' },
    { name: 'a key ring', input: { keyName: KEY_NAME.replace('/cryptoKeys/main', '') }, at: 'keyName' },
    { name: 'a path', input: { keyName: KEY_NAME.replace('main', '../main') }, at: 'keyName' },
    { name: 'a URL', input: { keyName: `https://cloudkms.googleapis.com/v1/${KEY_NAME}` }, at: 'keyName' },
    { name: 'a line break after the key', input: { keyName: `${KEY_NAME}\n` }, at: 'keyName' },
    { name: 'version 0', input: { keyName: KEY_NAME, acceptedVersions: [0] }, at: 'acceptedVersions.0' },
    { name: 'no version at all', input: { keyName: KEY_NAME, acceptedVersions: [] }, at: 'acceptedVersions' },
    { name: 'http beyond loopback', input: { keyName: KEY_NAME, endpoint: 'http://kms.example' }, at: 'endpoint' },
    { name: 'http to a look-alike', input: { keyName: KEY_NAME, endpoint: 'http://127.0.0.1.example' }, at: 'endpoint' },
    { name: 'credentials in a URL', input: { keyName: KEY_NAME, endpoint: 'https://a:b@kms.example' }, at: 'endpoint' },
    { name: 'a path in a URL', input: { keyName: KEY_NAME, endpoint: 'https://kms.example/v1' }, at: 'endpoint' },
    { name: 'an unknown source', input: { keyName: KEY_NAME, credentials: { source: 'api-key' } }, at: 'credentials.source' },
    {
      name: 'a key file that is not named',
      input: { keyName: KEY_NAME, credentials: { source: 'key-file' } },
      at: 'credentials.file',
    },
    { name: 'a user to act as', input: ambient({ serviceAccount: 'a@acme.com' }), at: 'credentials.impersonate.serviceAccount' },
    {
      name: 'tokens for a day',
      input: ambient({ serviceAccount: ACCOUNT, lifetimeSeconds: 86_400 }),
      at: 'credentials.impersonate.lifetimeSeconds',
    },
  ];
  for (const { name, input, at } of faulty) {
    it(`may not hold ${name}`, () => {
      const { error } = gcpSettingsSchema.safeParse(input);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
    });
  }

  it('say by default that the SDK finds the credentials', () => {
    assert.deepEqual(gcpSettingsSchema.parse({ keyName: KEY_NAME }).credentials, { source: 'ambient' });
  });
});

describe('a credential configuration of workload identity federation', () => {
  const sound = [
    { name: 'a token in a file', input: federationFile() },
    {
      name: 'a token at a URL of the metadata server',
      input: federationFile({ credential_source: { url: 'http://169.254.169.254/token' } }),
    },
    {
      name: 'AWS',
      input: federationFile({
        credential_source: {
          environment_id: 'aws1',
          region_url: 'http://169.254.169.254/latest/meta-data/placement/availability-zone',
          url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
          regional_cred_verification_url: 'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
        },
      }),
    },
    {
      name: 'a regional token service',
      input: federationFile({ token_url: 'https://sts.europe-west3.rep.googleapis.com/v1/token' }),
    },
  ];
  for (const { name, input } of sound) {
    it(`may use ${name}`, () => {
      federationFileSchema.parse(input);
    });
  }

  const faulty = [
    {
      name: 'run an executable',
      input: federationFile({ credential_source: { executable: { command: '/bin/sh' } } }),
      at: 'credential_source',
    },
    {
      name: 'run an executable beside a file',
      input: federationFile({ credential_source: { file: '/f', executable: { command: '/bin/sh' } } }),
      at: 'credential_source',
    },
    { name: 'use a certificate', input: federationFile({ credential_source: { certificate: {} } }), at: 'credential_source' },
    {
      name: 'send the token elsewhere',
      input: federationFile({ token_url: 'https://sts.evil.example/v1/token' }),
      at: 'token_url',
    },
    {
      name: 'send it to a look-alike',
      input: federationFile({ token_url: 'https://sts.googleapis.com.evil.example/' }),
      at: 'token_url',
    },
    {
      name: 'send it to a host of that name behind credentials',
      input: federationFile({ token_url: 'https://sts.googleapis.com@evil.example/' }),
      at: 'token_url',
    },
    { name: 'send it in clear', input: federationFile({ token_url: 'http://sts.googleapis.com/v1/token' }), at: 'token_url' },
    {
      name: 'act as an account elsewhere',
      input: federationFile({ service_account_impersonation_url: 'https://iam.evil.example/' }),
      at: 'service_account_impersonation_url',
    },
    {
      name: 'fetch a token in clear',
      input: federationFile({ credential_source: { url: 'http://idp.example/token' } }),
      at: 'credential_source.url',
    },
    {
      name: 'be for a workforce',
      input: federationFile({ audience: '//iam.googleapis.com/locations/global/workforcePools/p/providers/x' }),
      at: 'audience',
    },
    { name: 'be of another universe', input: federationFile({ universe_domain: 'example.com' }), at: 'universe_domain' },
    { name: 'be a key', input: keyFile(), at: 'type' },
  ];
  for (const { name, input, at } of faulty) {
    it(`may not ${name}`, () => {
      const paths = federationFileSchema.safeParse(input).error?.issues.map(({ path }) => path.join('.'));
      assert.equal(paths?.[0], at);
    });
  }
});

describe('a key file', () => {
  const faulty = [
    { name: 'a federation', input: federationFile(), at: 'type' },
    { name: 'a key that is none', input: keyFile({ private_key: 'secret' }), at: 'private_key' },
    { name: 'a user', input: keyFile({ client_email: 'a@acme.com' }), at: 'client_email' },
    { name: 'another universe', input: keyFile({ universe_domain: 'example.com' }), at: 'universe_domain' },
  ];
  for (const { name, input, at } of faulty) {
    it(`may not hold ${name}`, () => {
      assert.equal(keyFileSchema.safeParse(input).error?.issues[0]?.path.join('.'), at);
    });
  }
});
