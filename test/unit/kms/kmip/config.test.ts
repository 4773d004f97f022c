import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kmipSettingsSchema } from '../../../../src/kms/kmip/config.ts';

const FILES = { caFile: 'ca.pem', certificateFile: 'client.pem', keyFile: 'client.key' };
const SOUND = { host: 'kmip.example', ...FILES, key: { uniqueIdentifier: '1' } };

describe('the settings of a key in a KMIP server', () => {
  const sound: readonly { readonly name: string; readonly input: object }[] = [
    { name: 'a host, three files and an identifier', input: SOUND },
    { name: 'a name in place of the identifier', input: { ...SOUND, key: { name: 'acme Schlüssel 1' } } },
    {
      name: 'an IPv4 address with the name of the certificate',
      input: { ...SOUND, host: '10.1.2.3', servername: 'kmip.example' },
    },
    { name: 'an IPv6 address', input: { ...SOUND, host: 'fd00::1' } },
    { name: 'a user name and a password', input: { ...SOUND, credential: { usernameFile: 'u', passwordFile: 'p' } } },
    { name: 'everything else', input: { ...SOUND, port: 9_443, ivSource: 'caller', batching: false, connections: 64 } },
  ];
  for (const { name, input } of sound) {
    it(`may be ${name}, and checking them twice changes nothing`, () => {
      const once = kmipSettingsSchema.parse(input);
      assert.deepEqual(kmipSettingsSchema.parse(once), once);
    });
  }

  it('are by default of the port of KMIP, the IVs of the server, one request a use, and 4 connections', () => {
    const { port, ivSource, batching, connections } = kmipSettingsSchema.parse(SOUND);
    assert.deepEqual(
      { port, ivSource, batching, connections },
      { port: 5_696, ivSource: 'server', batching: true, connections: 4 },
    );
  });

  const faulty: readonly { readonly name: string; readonly input: object; readonly at: string }[] = [
    { name: 'an unknown setting', input: { ...SOUND, password: 'x' }, at: '' },
    { name: 'a URL', input: { ...SOUND, host: 'https://kmip.example' }, at: 'host' },
    { name: 'a port in the host', input: { ...SOUND, host: 'cafe:5696' }, at: 'host' },
    { name: 'a path', input: { ...SOUND, host: 'kmip.example/x' }, at: 'host' },
    { name: 'a line break after the host', input: { ...SOUND, host: 'kmip.example\n' }, at: 'host' },
    { name: 'port 0', input: { ...SOUND, port: 0 }, at: 'port' },
    { name: 'no authority', input: { ...SOUND, caFile: undefined }, at: 'caFile' },
    { name: 'no private key', input: { ...SOUND, keyFile: '' }, at: 'keyFile' },
    { name: 'no key', input: { ...SOUND, key: {} }, at: 'key' },
    { name: 'two keys', input: { ...SOUND, key: { uniqueIdentifier: '1', name: 'acme' } }, at: 'key' },
    { name: 'a control character in the name', input: { ...SOUND, key: { name: 'a\u0000b' } }, at: 'key.name' },
    { name: 'a name of half a character', input: { ...SOUND, key: { name: '\ud800' } }, at: 'key.name' },
    { name: 'a password alone', input: { ...SOUND, credential: { passwordFile: 'p' } }, at: 'credential.usernameFile' },
    { name: 'a server that makes half of the IV', input: { ...SOUND, ivSource: 'both' }, at: 'ivSource' },
    { name: 'no connection', input: { ...SOUND, connections: 0 }, at: 'connections' },
  ];
  for (const { name, input, at } of faulty) {
    it(`may not hold ${name}`, () => {
      const { error } = kmipSettingsSchema.safeParse(input);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
    });
  }
});
