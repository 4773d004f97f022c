import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathFieldsOf } from '../../../../src/config/path-fields.ts';
import { azureSettingsSchema } from '../../../../src/kms/azure/config.ts';
import { targetOf } from '../../../../src/kms/azure/target.ts';
import { CLIENT_ID, NEWER, TENANT_ID, VERSION } from './azure-samples.ts';

const VAULT = 'https://acme.vault.azure.net';
const LOCAL = 'https://127.0.0.1:8444';
const SECRET = { source: 'client-secret', clientId: CLIENT_ID, secretFile: 's' };
const key = (change: object = {}) => ({ vaultUrl: VAULT, keyName: 'keyside', ...change });
const emulated = (change: object = {}) => key({ vaultUrl: LOCAL, authorityHost: LOCAL, emulator: true, ...change });

describe('the settings of an Azure key', () => {
  const sound: readonly { readonly name: string; readonly input: object }[] = [
    { name: 'a vault and a name alone', input: key() },
    { name: 'a URL that ends with a slash', input: key({ vaultUrl: `${VAULT}/` }) },
    { name: 'a managed HSM', input: key({ vaultUrl: 'https://acme.managedhsm.azure.net' }) },
    { name: 'a vault in China', input: key({ vaultUrl: 'https://acme.vault.azure.cn' }) },
    { name: 'a vault of the US government', input: key({ vaultUrl: 'https://acme.vault.usgovcloudapi.net' }) },
    { name: 'a version and further ones', input: key({ keyVersion: VERSION, acceptedVersions: [NEWER] }) },
    { name: 'a client secret with its tenant', input: key({ tenantId: TENANT_ID, credentials: SECRET }) },
    {
      name: 'a certificate',
      input: key({ tenantId: TENANT_ID, credentials: { source: 'certificate', clientId: CLIENT_ID, certificateFile: 'c' } }),
    },
    {
      name: 'a federated token',
      input: key({ tenantId: TENANT_ID, credentials: { source: 'federated-token', clientId: CLIENT_ID, tokenFile: 't' } }),
    },
    { name: 'a managed identity without more', input: key({ credentials: { source: 'managed-identity' } }) },
    { name: 'an authority of Azure', input: key({ authorityHost: 'https://login.microsoftonline.us' }) },
    { name: 'an emulator', input: emulated({ tenantId: TENANT_ID, credentials: SECRET, caFile: 'ca.pem' }) },
    { name: 'an emulator on IPv6 loopback', input: emulated({ vaultUrl: 'https://[::1]:8444' }) },
  ];
  for (const { name, input } of sound) {
    it(`may be ${name}, and checking them twice changes nothing`, () => {
      const once = azureSettingsSchema.parse(input);
      assert.deepEqual(azureSettingsSchema.parse(once), once);
    });
  }

  const vaultWords = /must be the URL of a vault or managed HSM of Azure/;
  const loopbackWords = /must be an https URL of this machine/;
  const faulty: readonly { readonly name: string; readonly input: object; readonly at: string; readonly says: RegExp }[] = [
    { name: 'an unknown setting', input: key({ clientSecret: 'x' }), at: '', says: /clientSecret/ },
    { name: 'http', input: key({ vaultUrl: 'http://acme.vault.azure.net' }), at: 'vaultUrl', says: vaultWords },
    { name: 'another host', input: key({ vaultUrl: 'https://vault.example' }), at: 'vaultUrl', says: vaultWords },
    { name: 'a look-alike', input: key({ vaultUrl: 'https://acme.vault.azure.net.example' }), at: 'vaultUrl', says: vaultWords },
    { name: 'a name below a name', input: key({ vaultUrl: 'https://a.acme.vault.azure.net' }), at: 'vaultUrl', says: vaultWords },
    { name: 'a port', input: key({ vaultUrl: `${VAULT}:444` }), at: 'vaultUrl', says: vaultWords },
    { name: 'a path', input: key({ vaultUrl: `${VAULT}/keys/x` }), at: 'vaultUrl', says: vaultWords },
    { name: 'a query', input: key({ vaultUrl: `${VAULT}/?x` }), at: 'vaultUrl', says: vaultWords },
    {
      name: 'credentials in a URL',
      input: key({ vaultUrl: 'https://a:b@acme.vault.azure.net' }),
      at: 'vaultUrl',
      says: vaultWords,
    },
    { name: 'no URL', input: key({ vaultUrl: 'acme' }), at: 'vaultUrl', says: vaultWords },
    { name: 'a loopback address without saying so', input: key({ vaultUrl: LOCAL }), at: 'vaultUrl', says: vaultWords },
    { name: 'an emulator elsewhere', input: emulated({ vaultUrl: VAULT }), at: 'vaultUrl', says: loopbackWords },
    {
      name: 'an emulator at a look-alike',
      input: emulated({ vaultUrl: 'https://127.0.0.1.example' }),
      at: 'vaultUrl',
      says: loopbackWords,
    },
    {
      name: 'an emulator without TLS',
      input: emulated({ vaultUrl: 'http://127.0.0.1:8444' }),
      at: 'vaultUrl',
      says: loopbackWords,
    },
    {
      name: 'an emulator whose tokens another signs',
      input: emulated({ authorityHost: 'https://login.microsoftonline.com' }),
      at: 'authorityHost',
      says: loopbackWords,
    },
    {
      name: 'an emulator without an authority that the credentials need',
      input: emulated({ authorityHost: undefined, tenantId: TENANT_ID, credentials: SECRET }),
      at: 'authorityHost',
      says: /is missing/,
    },
    {
      name: 'an authority elsewhere',
      input: key({ authorityHost: 'https://login.example' }),
      at: 'authorityHost',
      says: /token authority/,
    },
    { name: 'a trusted certificate of ours for Azure', input: key({ caFile: 'ca.pem' }), at: 'caFile', says: /emulator only/ },
    { name: 'a secret without its tenant', input: key({ credentials: SECRET }), at: 'tenantId', says: /client-secret needs it/ },
    { name: 'a tenant by its domain', input: key({ tenantId: 'acme.onmicrosoft.com' }), at: 'tenantId', says: /GUID/ },
    { name: 'a key that is a path', input: key({ keyName: '../x' }), at: 'keyName', says: /characters/ },
    { name: 'a line break after the key', input: key({ keyName: 'keyside\n' }), at: 'keyName', says: /characters/ },
    { name: 'a version in capitals', input: key({ keyVersion: NEWER.toUpperCase() }), at: 'keyVersion', says: /32 hex digits/ },
    {
      name: 'an accepted version too short',
      input: key({ acceptedVersions: ['1'] }),
      at: 'acceptedVersions.0',
      says: /32 hex digits/,
    },
    { name: 'an unknown source', input: key({ credentials: { source: 'inline' } }), at: 'credentials.source', says: /./ },
  ];
  for (const { name, input, at, says } of faulty) {
    it(`may not hold ${name}`, () => {
      const { error } = azureSettingsSchema.safeParse(input);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
      assert.match(error?.issues[0]?.message ?? '', says);
    });
  }

  it('say by default that the SDK finds the credentials, and that there is no emulator', () => {
    const { credentials, emulator } = azureSettingsSchema.parse(key());
    assert.deepEqual([credentials, emulator], [{ source: 'ambient' }, false]);
  });

  it('mark the paths of files', () => {
    assert.deepEqual(
      pathFieldsOf(azureSettingsSchema).map((field) => field.join('.')),
      ['credentials.secretFile', 'credentials.certificateFile', 'credentials.tokenFile', 'caFile'],
    );
  });
});

describe('where the settings of an Azure key lead', () => {
  const clouds = [
    { vaultUrl: VAULT, authority: 'https://login.microsoftonline.com' },
    { vaultUrl: 'https://acme.managedhsm.usgovcloudapi.net', authority: 'https://login.microsoftonline.us' },
    { vaultUrl: 'https://acme.vault.azure.cn', authority: 'https://login.chinacloudapi.cn' },
  ];
  for (const { vaultUrl, authority } of clouds) {
    it(`is ${authority} for a token where the vault is ${vaultUrl}`, () => {
      assert.equal(targetOf(azureSettingsSchema.parse(key({ vaultUrl }))).connection.authorityHost, authority);
    });
  }

  it('is one connection, however the same vault is written', () => {
    const [plain, slash] = [VAULT, `${VAULT.toUpperCase().replace('HTTPS', 'https')}/`].map(
      (vaultUrl) => targetOf(azureSettingsSchema.parse(key({ vaultUrl }))).connection,
    );
    assert.deepEqual(plain, slash);
  });
});
