import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { hmacSha512 } from '../../../../src/cipher/mac.ts';
import { encodeWrapContext } from '../../../../src/core/encryption-context.ts';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { azureProvider } from '../../../../src/kms/azure/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { FakeTimer } from '../../../fakes/kms-timer.ts';
import { deletedBundle, keyBundle, NEWER, originKeys, result, settingsFor, VERSION, versionList } from './azure-samples.ts';
import { AzureStub, type StubAnswer, type StubRequest, vaultError } from './azure-stub.ts';

const CONTEXT = contextOf({ share: 1, shareCount: 3 });
const MINUTES = 60_000;

describe('an Azure key', () => {
  let stub: AzureStub;
  let clock: FakeTimer;
  const open: KmsKey[] = [];

  before(async () => {
    stub = await AzureStub.start();
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await stub.stop();
  });
  beforeEach(() => {
    stub.clear();
    clock = new FakeTimer();
    answers({});
  });

  /** A vault that gives back what it is given, whose newest version is `newest`, and what is to be otherwise. */
  function answers(change: Partial<Record<string, (request: StubRequest) => StubAnswer>>, newest = VERSION): void {
    const sound: Record<string, (request: StubRequest) => StubAnswer> = {
      key: ({ path }) => keyBundle({ version: path.split('/')[3] || newest }),
      wrapkey: ({ path, body }) => result(body.value, path.split('/')[3]),
      unwrapkey: ({ path, body }) => result(body.value, path.split('/')[3]),
    };
    stub.answer((request) => (change[request.operation] ?? sound[request.operation])?.(request) ?? { status: 501 });
  }

  function keyOf(change: object = {}, tools: Parameters<typeof azureProvider>[0] = { originKeys: originKeys(), clock }): KmsKey {
    const key = azureProvider(tools).open(parseKeyConfigurationId('acme-main'), settingsFor(stub.url, change));
    open.push(key);
    return key;
  }

  const wrapBytes = async (key: KmsKey, fill = 7) => {
    using dataKey = SecretBytes.own(new Uint8Array(32).fill(fill));
    return await key.wrap({ dataKey, context: CONTEXT }, scope().signal);
  };

  it('asks the service for what docs/format.md says, and for nothing else', async () => {
    const key = keyOf();
    const wrapped = await wrapBytes(key);
    using again = await key.unwrap({ wrapped, context: CONTEXT }, scope().signal);
    assert.deepEqual(again.expose(), new Uint8Array(32).fill(7));
    const dataKey = Buffer.alloc(32, 7);
    const tag = hmacSha512(Buffer.alloc(32, 1), encodeWrapContext(CONTEXT), dataKey).subarray(0, 32);
    const payload = Buffer.concat([dataKey, tag]);
    const body = { alg: 'RSA-OAEP-256', value: payload.toString('base64url') };
    assert.deepEqual(
      stub.requests.map(({ path, body }) => [path, body]),
      [
        ['/keys/keyside/', {}],
        [`/keys/keyside/${VERSION}/wrapkey`, body],
        [`/keys/keyside/${VERSION}/unwrapkey`, body],
      ],
    );
    assert.deepEqual(wrapped, { algorithm: 2, keyVersion: VERSION, ciphertext: payload });
  });

  it('goes over the wire for every wrap and unwrap, though the SDK has been shown the public key', async () => {
    const key = guardOf(keyOf());
    for (let round = 1; round <= 5; round += 1) {
      const { wrapped, dataKey } = await key.generate(CONTEXT, scope());
      dataKey.wipe();
      (await key.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      await key.describe(scope());
      assert.equal(stub.operations.filter((operation) => operation === 'wrapkey').length, round);
      assert.equal(stub.operations.filter((operation) => operation === 'unwrapkey').length, round);
    }
  });

  it('does not hold a wrap for a proof: anyone can wrap', () => {
    assert.equal(keyOf().provenByWrap, false);
  });

  it('sends the data key as it was when it was asked, though the caller gives up and wipes it', async () => {
    const key = keyOf();
    const dataKey = SecretBytes.own(new Uint8Array(32).fill(7));
    const wrapping = key.wrap({ dataKey, context: CONTEXT }, scope().signal);
    dataKey.wipe();
    const { ciphertext } = await wrapping;
    assert.deepEqual(ciphertext.subarray(0, 32), Buffer.alloc(32, 7));
  });

  it('wraps under the newest version, and asks which it is once in 3 minutes', async () => {
    const key = keyOf();
    assert.equal((await wrapBytes(key)).keyVersion, VERSION);
    answers({}, NEWER);
    await clock.advance(3 * MINUTES - 1);
    assert.equal((await wrapBytes(key)).keyVersion, VERSION);
    await clock.advance(1);
    assert.equal((await wrapBytes(key)).keyVersion, NEWER);
    assert.deepEqual(stub.operations, ['key', 'wrapkey', 'wrapkey', 'key', 'wrapkey']);
  });

  it('wraps under the configured version', async () => {
    const key = keyOf({ keyVersion: VERSION });
    answers({}, NEWER);
    assert.equal((await wrapBytes(key)).keyVersion, VERSION);
    assert.equal(stub.requests[0]?.path, `/keys/keyside/${VERSION}`);
  });

  const replaced = [
    { name: 'a wrap', refusing: 'wrapkey' },
    { name: 'an unwrap, since Azure lets a disabled version wrap,', refusing: 'unwrapkey' },
  ];
  for (const { name, refusing } of replaced) {
    it(`asks for the newest version again once ${name} under the one it knew was refused`, async () => {
      const key = keyOf();
      const wrapped = await wrapBytes(key);
      const refused = vaultError('Forbidden/KeyDisabled', 'Operation is not allowed on a disabled key.');
      answers({ [refusing]: ({ path, body }) => (path.includes(VERSION) ? refused : result(body.value, NEWER)) }, NEWER);
      const use = refusing === 'wrapkey' ? wrapBytes(key) : key.unwrap({ wrapped, context: CONTEXT }, scope().signal);
      await rejects(use, 'KEY_ACCESS_DENIED');
      assert.equal((await wrapBytes(key)).keyVersion, NEWER);
    });
  }

  it('does not ask for the newest version again where the weather is bad', async () => {
    const key = keyOf();
    await wrapBytes(key);
    answers({ wrapkey: () => vaultError('Throttled', '', 429) });
    await rejects(wrapBytes(key), 'KMS_THROTTLED');
    await rejects(wrapBytes(key), 'KMS_THROTTLED');
    assert.deepEqual(stub.operations, ['key', 'wrapkey', 'wrapkey', 'wrapkey']);
  });

  it('wraps nothing under a version that is disabled, though Azure would', async () => {
    answers({
      key: () => keyBundle({ attributes: { enabled: false } }),
      versions: () => versionList({ [VERSION]: false, [NEWER]: false }),
    });
    assert.equal((await rejects(wrapBytes(keyOf()), 'KEY_REVOKED')).details.scope, 'key');
    assert.deepEqual(stub.operations, ['key', 'versions']);
  });

  it('writes nothing under a version that reading would not accept', async () => {
    answers({}, NEWER);
    const error = await rejects(wrapBytes(keyOf({ acceptedVersions: [VERSION] })), 'KEY_MISCONFIGURED');
    assert.match(error.message, /its newest version, fedcba9876543210fedcba9876543210, is not one that acceptedVersions lists/);
  });

  const unfit = [
    { name: 'an elliptic-curve key', key: { kty: 'EC' } },
    { name: 'a symmetric key of an HSM', key: { kty: 'oct-HSM' } },
    { name: 'a key that may not wrap', key: { key_ops: ['sign', 'verify'] } },
    { name: 'a key that may not unwrap', key: { key_ops: ['wrapKey'] } },
  ];
  for (const { name, key } of unfit) {
    it(`refuses ${name} with KEY_MISCONFIGURED`, async () => {
      answers({ key: () => keyBundle({ key }) });
      await rejects(wrapBytes(keyOf()), 'KEY_MISCONFIGURED');
      await rejects(keyOf().describe(scope().signal), 'KEY_MISCONFIGURED');
    });
  }

  const strange: readonly { readonly name: string; readonly answer: StubAnswer; readonly reason: ErrorReason }[] = [
    { name: 'that names another version', answer: result('AAAA', NEWER), reason: 'KMS_UNAVAILABLE' },
    { name: 'that names no key', answer: { body: { value: 'AAAA' } }, reason: 'KMS_UNAVAILABLE' },
    {
      name: 'that names a key by something else than its id',
      answer: { body: { kid: '../x', value: 'AAAA' } },
      reason: 'KMS_UNAVAILABLE',
    },
    { name: "that is a proxy's page", answer: { body: '<html>log in</html>' }, reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, answer, reason } of strange) {
    it(`does not believe an answer to a wrap ${name}`, async () => {
      answers({ wrapkey: () => answer });
      await rejects(wrapBytes(keyOf()), reason);
    });
  }

  it('does not believe an unwrap by another version', async () => {
    const key = keyOf();
    const wrapped = await wrapBytes(key);
    answers({ unwrapkey: ({ body }) => result(body.value, NEWER) });
    await rejects(key.unwrap({ wrapped, context: CONTEXT }, scope().signal), 'CIPHERTEXT_REJECTED');
  });

  it('opens no payload that was sealed by another deployment: whoever has the public key can wrap', async () => {
    const wrapped = await wrapBytes(keyOf({}, { originKeys: originKeys(2), clock }));
    await rejects(keyOf().unwrap({ wrapped, context: CONTEXT }, scope().signal), 'CIPHERTEXT_REJECTED');
  });

  it('opens payloads sealed under an older origin key', async () => {
    const [older, newer] = [originKeys(2)[0], originKeys(3)[0]];
    const wrapped = await wrapBytes(keyOf({}, { originKeys: [older], clock }));
    const rotated = keyOf({}, { originKeys: [newer, older], clock });
    (await rotated.unwrap({ wrapped, context: CONTEXT }, scope().signal)).wipe();
  });

  it('without an origin key says what to configure, asks nobody, and can be described all the same', async () => {
    const key = keyOf({}, { clock });
    const wrapped = { algorithm: 2, keyVersion: VERSION, ciphertext: Uint8Array.of(1) } as const;
    for (const refused of [wrapBytes(key), key.unwrap({ wrapped, context: CONTEXT }, scope().signal)]) {
      assert.match((await rejects(refused, 'KEY_MISCONFIGURED')).message, /configure originKeyFile/);
    }
    assert.deepEqual(stub.requests, []);
    assert.equal((await key.describe(scope().signal)).state, 'enabled');
  });

  const versions = [
    { name: '32 hex digits', keyVersion: NEWER, accepted: true },
    { name: '31 hex digits', keyVersion: NEWER.slice(1), accepted: false },
    { name: '33 hex digits', keyVersion: `${NEWER}0`, accepted: false },
    { name: 'capital letters', keyVersion: NEWER.toUpperCase(), accepted: false },
    { name: 'a line break at the end', keyVersion: `${NEWER}\n`, accepted: false },
    { name: "a key's identifier", keyVersion: `https://evil.vault.azure.net/keys/k/${NEWER}`, accepted: false },
    { name: 'a path', keyVersion: `../${NEWER}`, accepted: false },
    { name: 'nothing', keyVersion: '', accepted: false },
  ];
  for (const { name, keyVersion, accepted } of versions) {
    it(`${accepted ? 'accepts' : 'does not accept'} ${name} as a stored version`, () => {
      assert.equal(keyOf().accepts({ algorithm: 2, keyVersion }), accepted);
    });
  }

  it('accepts only listed versions where there is a list, and the one that wraps', () => {
    const key = keyOf({ keyVersion: NEWER, acceptedVersions: [] });
    const accepted = (keyVersion: string, algorithm: 1 | 2 = 2) => key.accepts({ algorithm, keyVersion });
    assert.deepEqual([accepted(NEWER), accepted(VERSION), accepted(NEWER, 1)], [true, false, false]);
  });

  it('says of its state what Azure says', async () => {
    answers({ key: () => keyBundle({ attributes: { exp: 1_900_000_000, nbf: 1_700_000_000, enabled: true } }) });
    assert.deepEqual(await keyOf().describe(scope().signal), {
      state: 'enabled',
      detail: `version ${VERSION} is enabled, RSA, valid from 2023-11-14T22:13:20.000Z, wraps until 2030-03-17T17:46:40.000Z, recovery level Recoverable`,
    });
    answers({ key: () => keyBundle({ attributes: { enabled: false } }) });
    assert.equal((await keyOf().describe(scope().signal)).state, 'disabled');
    answers({ key: () => vaultError('KeyNotFound', '', 404), deletedkey: () => deletedBundle() });
    assert.deepEqual(await keyOf().describe(scope().signal), {
      state: 'pending-deletion',
      detail:
        'the key is deleted 2023-11-14T22:13:20.000Z, to be purged 2024-02-12T22:13:20.000Z; until then it can be recovered',
    });
    answers({ key: () => vaultError('KeyNotFound', '', 404), deletedkey: () => vaultError('KeyNotFound', '', 404) });
    await rejects(keyOf().describe(scope().signal), 'KEY_NOT_FOUND');
  });

  it('ends calls under way with KMS_UNAVAILABLE when it is closed', async () => {
    answers({ key: () => 'hang' });
    const key = keyOf();
    const asking = rejects(key.describe(scope().signal), 'KMS_UNAVAILABLE');
    await stub.reached(1);
    await key.close();
    await asking;
  });

  it('shares its connection, and so the token, with keys of the same vault and credentials, and outlives them', async () => {
    const provider = azureProvider({ originKeys: originKeys(), clock });
    const [first, second] = ['a', 'b'].map((id) => provider.open(parseKeyConfigurationId(id), settingsFor(stub.url))) as [
      KmsKey,
      KmsKey,
    ];
    await first.describe(scope().signal);
    await second.describe(scope().signal);
    await first.close();
    await second.describe(scope().signal);
    assert.equal(stub.tokenRequests.length, 1);
    assert.equal(stub.challenges, 1);
    await second.close();
  });
});
