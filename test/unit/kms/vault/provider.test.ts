import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { encodeWrapContext } from '../../../../src/core/encryption-context.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { vaultSettingsSchema } from '../../../../src/kms/vault/config.ts';
import { vaultProvider } from '../../../../src/kms/vault/provider.ts';
import { contextOf, guardOf, rejects, scope, wrapSample } from '../../../contract/kms-calls.ts';
import { CIPHERTEXT, credentialFile, DATA_KEY, keyFacts, soundTransit, TOKEN, WRAP_BYTES, WRAPPED } from './vault-samples.ts';
import { refusal, success, VaultStub } from './vault-stub.ts';

const CONTEXT = contextOf({ share: 1, shareCount: 3 });
const ASSOCIATED_DATA = Buffer.from(encodeWrapContext(CONTEXT)).toString('base64');
const PLAINTEXT = DATA_KEY.toString('base64');

describe('a Vault key', () => {
  let stub: VaultStub;
  let file: string;
  const opened: KmsKey[] = [];

  before(async () => {
    stub = await VaultStub.start();
    file = await credentialFile(`${TOKEN}\n`);
  });
  after(async () => {
    await Promise.all(opened.map((key) => key.close()));
    await stub.stop();
  });
  beforeEach(() => {
    stub.requests.splice(0);
    stub.sockets.splice(0);
    stub.answer(soundTransit);
  });

  function open(change: Readonly<Record<string, unknown>> = {}, provider = vaultProvider()): KmsKey {
    const settings = { address: stub.url, keyName: 'acme', auth: { method: 'token-file', file }, ...change };
    const key = provider.open(parseKeyConfigurationId('acme-main'), vaultSettingsSchema.parse(settings));
    opened.push(key);
    return key;
  }

  it('asks for what docs/format.md says, and for nothing else', async () => {
    const key = guardOf(open());
    using dataKey = SecretBytes.copyOf(DATA_KEY);
    const wrapped = await key.wrap({ dataKey, context: CONTEXT }, scope());
    (await key.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    await key.wrap({ dataKey, context: CONTEXT }, scope());
    assert.deepEqual(wrapped, { algorithm: 1, keyVersion: '3', ciphertext: new Uint8Array(WRAP_BYTES) });
    assert.deepEqual(
      stub.requests.map(({ method, path, body }) => [method, path, body]),
      [
        ['GET', 'transit/keys/acme', {}],
        ['POST', 'transit/encrypt/acme', { plaintext: PLAINTEXT, associated_data: ASSOCIATED_DATA }],
        ['POST', 'transit/decrypt/acme', { ciphertext: CIPHERTEXT }],
        ['POST', 'transit/decrypt/acme', { ciphertext: CIPHERTEXT, associated_data: ASSOCIATED_DATA }],
        ['POST', 'transit/encrypt/acme', { plaintext: PLAINTEXT, associated_data: ASSOCIATED_DATA }],
      ],
    );
  });

  it('names token, namespace and itself in headers', async () => {
    stub.answer(() => keyFacts());
    await guardOf(open({ namespace: 'admin/acme', mount: 'team/transit' })).describe(scope());
    const { path, headers } = stub.requests[0] ?? {};
    assert.equal(path, 'team/transit/keys/acme');
    assert.equal(headers?.['x-vault-token'], TOKEN);
    assert.equal(headers?.['x-vault-namespace'], 'admin/acme');
    assert.equal(headers?.['x-vault-request'], 'true');
  });

  it('rebuilds the ciphertext from the recorded version', async () => {
    const key = guardOf(open());
    (await key.unwrap({ wrapped: { ...WRAPPED, keyVersion: '12' }, context: CONTEXT }, scope())).wipe();
    assert.equal(stub.requests[0]?.body.ciphertext, `vault:v12:${WRAP_BYTES.toString('base64')}`);
  });

  it('Precondition: the key was read and is of a kind that binds associated data, before a data key is sent', async () => {
    for (const facts of [
      keyFacts({ type: 'aes128-gcm96' }),
      keyFacts({ derived: true }),
      success({ value: 'of a key-value engine' }),
    ]) {
      stub.requests.splice(0);
      stub.answer(() => facts);
      const error = await wrapSample(guardOf(open(), { maxAttempts: 1 })).then(
        () => assert.fail('it wrapped'),
        (thrown: Error) => thrown,
      );
      assert.ok(error instanceof Error);
      assert.deepEqual(stub.paths, ['transit/keys/acme']);
    }
    stub.answer(() => refusal(404));
    await rejects(wrapSample(guardOf(open())), 'KEY_NOT_FOUND');
  });

  it('Postcondition: the first wrap does not open without its context; a server that ignores associated data is KEY_MISCONFIGURED', async () => {
    stub.answer((request) => {
      if (request.path.startsWith('transit/decrypt/')) return success({ plaintext: PLAINTEXT });
      return soundTransit(request);
    });
    const key = guardOf(open());
    assert.match((await rejects(wrapSample(key), 'KEY_MISCONFIGURED')).message, /does not bind associated data/);
    await rejects(wrapSample(key), 'KEY_MISCONFIGURED');
    stub.answer(soundTransit);
    await wrapSample(key);
  });

  it('hands out no wrap where the proof of its binding cannot be had', async () => {
    const key = guardOf(open(), { maxAttempts: 1 });
    stub.answer((request) =>
      request.path.startsWith('transit/decrypt/') ? refusal(503, 'Vault is sealed') : soundTransit(request),
    );
    await rejects(wrapSample(key), 'KMS_UNAVAILABLE');
    stub.answer(soundTransit);
    await wrapSample(key);
  });

  it('sends the data key as it was when it was asked, though the caller gives up and wipes it', async () => {
    const dataKey = SecretBytes.copyOf(DATA_KEY);
    const wrapping = open().wrap({ dataKey, context: CONTEXT }, scope().signal);
    await stub.reached('transit/keys/');
    dataKey.wipe();
    await wrapping;
    assert.equal(stub.requests[1]?.body.plaintext, PLAINTEXT);
  });

  const wraps = [
    { name: 'no prefix', ciphertext: WRAP_BYTES.toString('base64') },
    { name: 'another prefix', ciphertext: CIPHERTEXT.replace('vault', 'bao') },
    { name: 'version 0', ciphertext: CIPHERTEXT.replace('v3', 'v0') },
    { name: 'a version with a zero before it', ciphertext: CIPHERTEXT.replace('v3', 'v03') },
    { name: 'a version that the answer contradicts', ciphertext: CIPHERTEXT.replace('v3', 'v4') },
    { name: 'base64 for URLs', ciphertext: 'vault:v3:_-8=' },
    { name: 'a line break', ciphertext: `${CIPHERTEXT}\n` },
    { name: 'base64 that ends early', ciphertext: 'vault:v3:AAA' },
    { name: 'no text at all', ciphertext: 7 },
    { name: 'nothing wrapped', ciphertext: 'vault:v3:' },
  ];
  for (const { name, ciphertext } of wraps) {
    it(`does not believe a wrap with ${name}`, async () => {
      stub.answer((request) =>
        request.path.startsWith('transit/encrypt/') ? success({ ciphertext, key_version: 3 }) : soundTransit(request),
      );
      await rejects(wrapSample(guardOf(open(), { maxAttempts: 1 })), 'KMS_UNAVAILABLE');
    });
  }

  it('writes nothing under a version that reading would not accept', async () => {
    await rejects(wrapSample(guardOf(open({ minVersion: 4 }))), 'KEY_MISCONFIGURED');
  });

  const versions = [
    { keyVersion: '1', accepted: false },
    { keyVersion: '2', accepted: true },
    { keyVersion: '999999999', accepted: true },
    { keyVersion: '1000000000', accepted: false },
    { keyVersion: '0', accepted: false },
    { keyVersion: '03', accepted: false },
    { keyVersion: '+3', accepted: false },
    { keyVersion: '3.0', accepted: false },
    { keyVersion: '3 ', accepted: false },
    { keyVersion: '3\n', accepted: false },
    { keyVersion: '٣', accepted: false },
    { keyVersion: '1e3', accepted: false },
    { keyVersion: 'v3', accepted: false },
    { keyVersion: '3:AAAA', accepted: false },
    { keyVersion: '', accepted: false },
  ];
  for (const { keyVersion, accepted } of versions) {
    it(`${accepted ? 'accepts' : 'does not accept'} ${JSON.stringify(keyVersion)} as a stored version, from version 2 on`, () => {
      assert.equal(open({ minVersion: 2 }).accepts({ algorithm: 1, keyVersion }), accepted);
      assert.equal(open({ minVersion: 2 }).accepts({ algorithm: 3, keyVersion }), false);
    });
  }

  it('describes what weakens a key', async () => {
    const detailOf = async (change: Readonly<Record<string, unknown>>) => {
      stub.answer(() => keyFacts(change));
      return guardOf(open()).describe(scope());
    };
    assert.deepEqual(await detailOf({}), {
      state: 'enabled',
      detail: 'transit/acme is aes256-gcm96, version 3, decrypts from version 1',
    });
    assert.match((await detailOf({ deletion_allowed: true })).detail, /may be deleted/);
    assert.match((await detailOf({ exportable: true })).detail, /may be exported/);
    assert.match((await detailOf({ allow_plaintext_backup: true })).detail, /may be exported/);
    assert.deepEqual((await detailOf({ soft_deleted: true })).state, 'disabled');
    assert.equal((await detailOf({ soft_deleted: undefined })).state, 'enabled', 'HashiCorp Vault has no such field');
  });

  it('ends calls under way with KMS_UNAVAILABLE when it is closed', async () => {
    stub.answer(() => 'hang');
    const key = open();
    const asking = rejects(key.describe(scope().signal), 'KMS_UNAVAILABLE');
    await stub.reached('transit/keys/');
    await key.close();
    await asking;
  });

  it('shares its connection with keys of the same server and credentials, and outlives them', async () => {
    const provider = vaultProvider();
    const [first, second] = [open({}, provider), open({ keyName: 'globex' }, provider)];
    await guardOf(first).describe(scope());
    await guardOf(second).describe(scope());
    await first.close();
    await guardOf(second).describe(scope());
    assert.equal(new Set(stub.sockets).size, 1, 'one connection serves all');
    await second.close();
  });
});
