import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import type { AwsSettings } from '../../../../src/kms/aws/config.ts';
import { awsProvider } from '../../../../src/kms/aws/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { AwsStub } from '../../../fakes/kms-aws-stub.ts';
import { credentialsFile, KEY_ARN, KEY_ID } from './aws-samples.ts';

const OTHER_ID = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const OTHER_ARN = `arn:aws:kms:us-east-1:111122223333:key/${OTHER_ID}`;
const BYTES = Buffer.alloc(32, 7);
const CONTEXT = contextOf({ share: 1, shareCount: 3 });
const ENCRYPTION_CONTEXT = { 'keyside:tenant': 'acme', 'keyside:key': 'acme-main', 'keyside:share': '1/3' };

describe('an AWS key', () => {
  let stub: AwsStub;
  let file: string;
  const open: KmsKey[] = [];

  before(async () => {
    stub = await AwsStub.start();
    file = await credentialsFile();
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await stub.stop();
  });
  beforeEach(() => stub.requests.splice(0));

  function keyOf(settings: Pick<AwsSettings, 'keyId' | 'acceptedKeyIds' | 'region'>): KmsKey {
    const credentials = { source: 'file', file, profile: 'default' } as const;
    const key = awsProvider().open(parseKeyConfigurationId('acme-main'), { ...settings, endpoint: stub.url, credentials });
    open.push(key);
    return key;
  }

  function answers(KeyId: string): void {
    const body = { KeyId, Plaintext: BYTES.toString('base64'), CiphertextBlob: Buffer.from('wrap').toString('base64') };
    stub.answer(() => ({ body }));
  }

  it('asks for what docs/format.md says, and for nothing else', async () => {
    answers(KEY_ARN);
    const key = guardOf(keyOf({ keyId: KEY_ARN }));
    using dataKey = SecretBytes.copyOf(BYTES);
    const wrapped = await key.wrap({ dataKey, context: CONTEXT }, scope());
    (await key.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    (await key.generate(CONTEXT, scope())).dataKey.wipe();
    const shared = { KeyId: KEY_ARN, EncryptionContext: ENCRYPTION_CONTEXT };
    const EncryptionAlgorithm = 'SYMMETRIC_DEFAULT';
    assert.deepEqual(
      stub.requests.map(({ action, body }) => [action, body]),
      [
        ['Encrypt', { ...shared, EncryptionAlgorithm, Plaintext: BYTES.toString('base64') }],
        ['Decrypt', { ...shared, EncryptionAlgorithm, CiphertextBlob: Buffer.from('wrap').toString('base64') }],
        ['GenerateDataKey', { ...shared, KeySpec: 'AES_256' }],
      ],
    );
    assert.deepEqual(wrapped, { algorithm: 1, keyVersion: KEY_ID, ciphertext: new Uint8Array(Buffer.from('wrap')) });
  });

  it('sends the data key as it was when it was asked, though the caller gives up and wipes it', async () => {
    answers(KEY_ARN);
    const key = keyOf({ keyId: KEY_ARN });
    (await key.generate?.(CONTEXT, scope().signal))?.dataKey.wipe();
    const dataKey = SecretBytes.copyOf(BYTES);
    const wrapping = key.wrap({ dataKey, context: CONTEXT }, scope().signal);
    await new Promise((resolve) => setImmediate(resolve));
    dataKey.wipe();
    await wrapping;
    assert.equal(stub.requests[1]?.body.Plaintext, BYTES.toString('base64'));
  });

  it('stores the id of the key behind an alias, and unwraps by the full ARN where one is configured', async () => {
    answers(OTHER_ARN);
    const key = guardOf(keyOf({ keyId: 'alias/acme', acceptedKeyIds: [KEY_ID, OTHER_ID, OTHER_ARN] }));
    const { wrapped, dataKey } = await key.generate(CONTEXT, scope());
    dataKey.wipe();
    assert.equal(wrapped.keyVersion, OTHER_ID);
    (await key.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    assert.deepEqual(
      stub.requests.map(({ body }) => body.KeyId),
      ['alias/acme', OTHER_ARN],
    );
  });

  it('writes nothing under a key that reading would not accept', async () => {
    answers(OTHER_ARN);
    const key = guardOf(keyOf({ keyId: 'alias/acme', acceptedKeyIds: [KEY_ARN] }));
    const error = await rejects(key.generate(CONTEXT, scope()), 'KEY_MISCONFIGURED');
    assert.match(
      error.message,
      /alias\/acme leads to key mrk-1234abcd12ab34cd56ef1234567890ab, which acceptedKeyIds does not list/,
    );
    using dataKey = SecretBytes.copyOf(BYTES);
    await rejects(key.wrap({ dataKey, context: CONTEXT }, scope()), 'KEY_MISCONFIGURED');
  });

  const versions = [
    { name: 'its own id', keyVersion: KEY_ID, accepted: true },
    { name: 'another id', keyVersion: OTHER_ID, accepted: false },
    { name: 'its own ARN', keyVersion: KEY_ARN, accepted: false },
    { name: 'an alias', keyVersion: 'alias/acme', accepted: false },
    { name: 'its own id with a space', keyVersion: `${KEY_ID} `, accepted: false },
    { name: 'nothing', keyVersion: '', accepted: false },
    { name: 'a name of every object', keyVersion: 'constructor', accepted: false },
  ];
  for (const { name, keyVersion, accepted } of versions) {
    it(`${accepted ? 'accepts' : 'does not accept'} ${name} as a stored version`, () => {
      assert.equal(keyOf({ keyId: KEY_ARN }).accepts({ algorithm: 1, keyVersion }), accepted);
    });
  }

  it('ends calls under way with KMS_UNAVAILABLE when it is closed', async () => {
    stub.answer(() => 'hang');
    const key = keyOf({ keyId: KEY_ARN });
    const asking = rejects(key.describe(scope().signal), 'KMS_UNAVAILABLE');
    await stub.reached(1);
    await key.close();
    await asking;
  });

  it('shares its connection with keys of the same region and credentials, and outlives them', async () => {
    answers(KEY_ARN);
    stub.sockets.splice(0);
    const provider = awsProvider();
    const credentials = { source: 'file', file, profile: 'default' } as const;
    const settings = { keyId: KEY_ARN, endpoint: stub.url, credentials };
    const [first, second] = ['a', 'b'].map((id) => provider.open(parseKeyConfigurationId(id), settings)) as [KmsKey, KmsKey];
    const unwrap = (key: KmsKey) =>
      key.unwrap(
        { wrapped: { algorithm: 1, keyVersion: KEY_ID, ciphertext: Uint8Array.of(1) }, context: CONTEXT },
        scope().signal,
      );
    (await unwrap(first)).wipe();
    (await unwrap(second)).wipe();
    await first.close();
    (await unwrap(second)).wipe();
    assert.equal(new Set(stub.sockets).size, 1, 'one connection serves all');
    await second.close();
  });
});
