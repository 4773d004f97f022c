import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { failureOf } from '../../../../src/kms/kmip/errors.ts';
import { type KmipTarget, openConnection } from '../../../../src/kms/kmip/tls.ts';
import { Authority, writeCertificate } from './certificates.ts';
import { type KmipSetting, KmipStub, kmipSetting } from './kmip-stub.ts';

const { signal } = new AbortController();

describe('the way to a KMIP server', () => {
  let setting: KmipSetting;
  const stranger = new Authority('somebody else');

  before(async () => {
    setting = await kmipSetting(() => 'hang');
  });
  after(() => setting.close());

  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    const file = join(setting.folder, name);
    await writeFile(file, content);
    return file;
  };

  it('is mutual TLS, and the server sees the client certificate', async () => {
    const connection = await openConnection(setting.target, signal);
    assert.ok(connection.isOpen);
    await setting.stub.connected(1);
    assert.equal(setting.stub.clients.at(-1), 'keyside');
    connection.close();
  });

  it('may name the server otherwise than it is reached', async () => {
    (await openConnection({ ...setting.target, servername: 'kmip.example' }, signal)).close();
  });

  it('reads its files anew for each connection', async () => {
    const files = await writeCertificate(setting.folder, setting.authority.client('keyside-2'));
    const target = { ...setting.target, ...files };
    const before = setting.stub.connections;
    const first = await openConnection(target, signal);
    await setting.stub.connected(before + 1);
    const next = setting.authority.client('keyside-3');
    await writeFile(files.certificateFile, next.certificatePem);
    await writeFile(files.keyFile, next.keyPem);
    const second = await openConnection(target, signal);
    await setting.stub.connected(before + 2);
    assert.deepEqual(setting.stub.clients.slice(-2), ['keyside-2', 'keyside-3']);
    for (const connection of [first, second]) connection.close();
  });

  it('carries user name and password without the line break at the end of their files', async () => {
    const credential = { usernameFile: await write('user', 'keyside\r\n'), passwordFile: await write('password', ' p\nw \n') };
    const connection = await openConnection({ ...setting.target, credential }, signal);
    assert.equal(connection.credential?.username, 'keyside');
    assert.equal(Buffer.from(connection.credential?.password.expose() ?? []).toString(), ' p\nw ');
    connection.close();
    assert.ok(connection.credential?.password.isWiped);
  });

  const failure = async (change: Partial<KmipTarget>): Promise<string> => {
    const error = await openConnection({ ...setting.target, ...change }, signal).then(
      () => assert.fail('it is open'),
      (thrown: unknown) => thrown,
    );
    const { reason, code } = failureOf(error);
    return `${reason} ${code}`;
  };

  const faults: readonly { readonly name: string; change(): Promise<Partial<KmipTarget>>; readonly reason: ErrorReason }[] = [
    { name: 'a missing file', change: async () => ({ caFile: join(setting.folder, 'nowhere') }), reason: 'KEY_MISCONFIGURED' },
    { name: 'a folder in place of a file', change: async () => ({ keyFile: setting.folder }), reason: 'KEY_MISCONFIGURED' },
    {
      name: 'a certificate that is none',
      change: async () => ({ certificateFile: await write('none', 'none') }),
      reason: 'KEY_MISCONFIGURED',
    },
    {
      name: "somebody else's private key",
      change: async () => ({ keyFile: (await writeCertificate(setting.folder, setting.authority.client('other'))).keyFile }),
      reason: 'KEY_MISCONFIGURED',
    },
    {
      name: 'a private key that is encrypted',
      change: async () => ({ keyFile: await write('encrypted', encryptedKey()) }),
      reason: 'KEY_MISCONFIGURED',
    },
    {
      name: 'a missing password',
      change: async () => ({ credential: { usernameFile: setting.target.caFile, passwordFile: '/nowhere' } }),
      reason: 'KEY_MISCONFIGURED',
    },
    {
      name: 'another authority',
      change: async () => ({ caFile: await write('stranger', stranger.certificatePem) }),
      reason: 'KEY_MISCONFIGURED',
    },
    {
      name: 'another name in the certificate',
      change: async () => ({ servername: 'other.example' }),
      reason: 'KEY_MISCONFIGURED',
    },
    { name: 'a host that nobody knows', change: async () => ({ host: 'nobody.invalid' }), reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, change, reason } of faults) {
    it(`ends in ${reason} with ${name}`, async () => {
      assert.match(await failure(await change()), new RegExp(`^${reason} `));
    });
  }

  it('ends in KEY_MISCONFIGURED where the certificate of the server has expired', async () => {
    const { authority } = setting;
    const certificate = authority.server(['127.0.0.1'], true);
    const stub = await KmipStub.start({ answer: () => 'hang', authority, certificate, maxVersion: 'TLSv1.3' });
    assert.equal(await failure({ port: stub.port }), 'KEY_MISCONFIGURED CERT_HAS_EXPIRED');
    await stub.stop();
  });

  it('ends in KEY_MISCONFIGURED where something else answers, and in KMS_UNAVAILABLE where nothing does', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('220 mail.example ESMTP\r\n'),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(await failure({ port }), 'KEY_MISCONFIGURED ERR_SSL_WRONG_VERSION_NUMBER');
    server.close();
    await once(server, 'close');
    assert.equal(await failure({ port }), 'KMS_UNAVAILABLE ECONNREFUSED');
  });

  it('is left at once by a caller that goes away during the handshake', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const caller = new AbortController();
    const opening = assert.rejects(openConnection({ ...setting.target, port }, caller.signal), /gone/);
    const [socket] = await once(server, 'connection');
    const closed = once(
      socket.resume().on('error', () => undefined),
      'close',
    );
    caller.abort(new Error('gone'));
    await opening;
    await closed;
    server.close();
  });
});

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
}
