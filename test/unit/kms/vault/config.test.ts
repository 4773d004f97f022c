import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathFieldsOf } from '../../../../src/config/path-fields.ts';
import { vaultSettingsSchema } from '../../../../src/kms/vault/config.ts';

const AUTH = { method: 'token-file', file: '/run/token' };
const SOUND = { address: 'https://vault.acme.example:8200', keyName: 'keyside-acme', auth: AUTH };

describe('the settings of a Vault key', () => {
  const sound: readonly { readonly name: string; readonly input: object }[] = [
    { name: 'an https address, a key name and a token file', input: SOUND },
    { name: 'an http address on loopback', input: { ...SOUND, address: 'http://127.0.0.1:8200' } },
    { name: 'an http address on IPv6 loopback', input: { ...SOUND, address: 'http://[::1]:8200/' } },
    { name: 'a mount and a namespace of several parts', input: { ...SOUND, mount: 'team/transit.eu', namespace: 'admin/acme' } },
    { name: 'a name of one character', input: { ...SOUND, keyName: 'k' } },
    { name: 'the oldest version to accept', input: { ...SOUND, minVersion: 4 } },
    { name: 'files for TLS', input: { ...SOUND, caFile: 'ca', clientCertificateFile: 'c', clientKeyFile: 'k' } },
    {
      name: 'AppRole at another mount',
      input: { ...SOUND, auth: { method: 'approle', roleIdFile: 'r', secretIdFile: 's', mount: 'vendor/approle' } },
    },
    { name: 'Kubernetes', input: { ...SOUND, auth: { method: 'kubernetes', role: 'keyside' } } },
  ];
  for (const { name, input } of sound) {
    it(`may be ${name}, and checking them twice changes nothing`, () => {
      const once = vaultSettingsSchema.parse(input);
      assert.deepEqual(vaultSettingsSchema.parse(once), once);
    });
  }

  const faulty: readonly { readonly name: string; readonly input: object; readonly at: string; readonly says: RegExp }[] = [
    { name: 'an unknown setting', input: { ...SOUND, token: 'x' }, at: '', says: /token/ },
    { name: 'http beyond loopback', input: { ...SOUND, address: 'http://vault.example' }, at: 'address', says: /https/ },
    { name: 'http to a look-alike', input: { ...SOUND, address: 'http://127.0.0.1.example' }, at: 'address', says: /https/ },
    { name: 'a path in the address', input: { ...SOUND, address: 'https://vault.example/v1' }, at: 'address', says: /path/ },
    {
      name: 'credentials in the address',
      input: { ...SOUND, address: 'https://a:b@vault.example' },
      at: 'address',
      says: /cred/,
    },
    { name: 'no URL', input: { ...SOUND, address: 'vault' }, at: 'address', says: /https/ },
    { name: 'a name that climbs', input: { ...SOUND, keyName: '../other' }, at: 'keyName', says: /characters/ },
    { name: 'a name with a slash', input: { ...SOUND, keyName: 'a/b' }, at: 'keyName', says: /characters/ },
    { name: 'a name that Transit does not take', input: { ...SOUND, keyName: '-acme' }, at: 'keyName', says: /begin/ },
    { name: 'a line break after the name', input: { ...SOUND, keyName: 'acme\n' }, at: 'keyName', says: /characters/ },
    { name: 'a mount that climbs', input: { ...SOUND, mount: 'transit/../kv' }, at: 'mount', says: /secrets engine/ },
    { name: 'a mount with a slash before it', input: { ...SOUND, mount: '/transit' }, at: 'mount', says: /secrets engine/ },
    { name: 'a query in the mount', input: { ...SOUND, mount: 'transit?x' }, at: 'mount', says: /secrets engine/ },
    { name: 'an empty namespace', input: { ...SOUND, namespace: '' }, at: 'namespace', says: /namespace/ },
    { name: 'a header in the namespace', input: { ...SOUND, namespace: 'a\r\nx: y' }, at: 'namespace', says: /namespace/ },
    { name: 'version 0', input: { ...SOUND, minVersion: 0 }, at: 'minVersion', says: /./ },
    {
      name: 'a certificate without its key',
      input: { ...SOUND, clientCertificateFile: 'c' },
      at: 'clientKeyFile',
      says: /together/,
    },
    {
      name: 'a key without its certificate',
      input: { ...SOUND, clientKeyFile: 'k' },
      at: 'clientCertificateFile',
      says: /together/,
    },
    { name: 'no credentials', input: { ...SOUND, auth: undefined }, at: 'auth', says: /./ },
    { name: 'a token by value', input: { ...SOUND, auth: { method: 'token', token: 'x' } }, at: 'auth.method', says: /./ },
    {
      name: 'auth/ before the mount of the method',
      input: { ...SOUND, auth: { method: 'approle', roleIdFile: 'r', secretIdFile: 's', mount: '/auth/approle' } },
      at: 'auth.mount',
      says: /without auth/,
    },
  ];
  for (const { name, input, at, says } of faulty) {
    it(`may not hold ${name}`, () => {
      const { error } = vaultSettingsSchema.safeParse(input);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
      assert.match(error?.issues[0]?.message ?? '', says);
    });
  }

  it('have defaults for the mounts, the oldest version and the service-account token', () => {
    const { mount, minVersion, auth } = vaultSettingsSchema.parse({ ...SOUND, auth: { method: 'kubernetes', role: 'keyside' } });
    assert.deepEqual([mount, minVersion], ['transit', 1]);
    assert.deepEqual(auth, {
      method: 'kubernetes',
      role: 'keyside',
      jwtFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      mount: 'kubernetes',
    });
  });

  it('name every file, so that relative paths are taken from the folder of the configuration', () => {
    const fields = pathFieldsOf(vaultSettingsSchema).map((field) => field.join('.'));
    assert.deepEqual(fields.toSorted(), [
      'auth.file',
      'auth.jwtFile',
      'auth.roleIdFile',
      'auth.secretIdFile',
      'caFile',
      'clientCertificateFile',
      'clientKeyFile',
    ]);
  });
});
