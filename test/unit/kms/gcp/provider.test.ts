import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { encodeWrapContext } from '../../../../src/core/encryption-context.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { type GcpSettings, gcpSettingsSchema } from '../../../../src/kms/gcp/config.ts';
import { gcpProvider } from '../../../../src/kms/gcp/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { decrypted, encrypted, failure, GcpStub, KEY_NAME, keyFacts, version } from './gcp-stub.ts';

const BYTES = Buffer.alloc(32, 7);
const CIPHERTEXT = Buffer.from('ciphertext');
const CONTEXT = contextOf({ share: 1, shareCount: 3 });
const WRAPPED = { algorithm: 1, keyVersion: '1', ciphertext: new Uint8Array(CIPHERTEXT) } as const;

describe('a Google Cloud key', () => {
  let stub: GcpStub;
  const open: KmsKey[] = [];

  before(async () => {
    stub = await GcpStub.start();
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await stub.stop();
  });
  beforeEach(() => {
    stub.requests.splice(0);
    stub.answer(({ method }) => {
      if (method === 'encrypt') return encrypted(CIPHERTEXT);
      if (method === 'decrypt') return decrypted(BYTES);
      return keyFacts();
    });
  });

  function keyOf(settings: Partial<GcpSettings> = {}): KmsKey {
    const checked = gcpSettingsSchema.parse({ keyName: KEY_NAME, endpoint: stub.url, ...settings });
    const key = gcpProvider().open(parseKeyConfigurationId('acme-main'), checked);
    open.push(key);
    return key;
  }

  it('asks for what docs/format.md says, with checksums, and for nothing else', async () => {
    const key = guardOf(keyOf());
    using dataKey = SecretBytes.copyOf(BYTES);
    const wrapped = await key.wrap({ dataKey, context: CONTEXT }, scope());
    assert.deepEqual(wrapped, WRAPPED);
    (await key.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    const additionalAuthenticatedData = Buffer.from(encodeWrapContext(CONTEXT));
    // Checksums from another implementation: CRC-32C of 32 bytes 07, of "ciphertext", and of the context.
    const additionalAuthenticatedDataCrc32c = { value: '2273169403' };
    assert.deepEqual(
      stub.requests.map(({ method, request }) => [method, request]),
      [
        [
          'encrypt',
          {
            name: KEY_NAME,
            plaintext: BYTES,
            plaintextCrc32c: { value: '3596965425' },
            additionalAuthenticatedData,
            additionalAuthenticatedDataCrc32c,
          },
        ],
        [
          'decrypt',
          {
            name: KEY_NAME,
            ciphertext: CIPHERTEXT,
            ciphertextCrc32c: { value: '395617045' },
            additionalAuthenticatedData,
            additionalAuthenticatedDataCrc32c,
          },
        ],
      ],
    );
  });

  it('names the key to the front end that routes, and a deadline near its own', async () => {
    await guardOf(keyOf()).describe(scope());
    const { metadata, deadline } = stub.requests[0] ?? {};
    assert.equal(metadata?.['x-goog-request-params'], `name=${encodeURIComponent(KEY_NAME)}`);
    assert.match(metadata?.['x-goog-api-client'] ?? '', /gapic\/6\.3\.0/);
    const leftMs = (deadline?.getTime() ?? 0) - Date.now();
    assert.ok(leftMs > 0 && leftMs <= 5_000, `${leftMs} ms`);
  });

  it('sends no credentials over plaintext, and looks for none', async () => {
    const credentials = { source: 'key-file', file: '/nonexistent/key.json' } as const;
    await guardOf(keyOf({ credentials })).describe(scope());
    assert.equal(stub.requests[0]?.metadata.authorization, undefined);
  });

  it('makes no data keys at the service, which has no call for it: the guard makes one and wraps it', async () => {
    const key = keyOf();
    assert.equal(key.generate, undefined);
    (await guardOf(key).generate(CONTEXT, scope())).dataKey.wipe();
    assert.deepEqual(
      stub.requests.map(({ method }) => method),
      ['encrypt'],
    );
  });

  it('asks once: what the SDK would try again for ten minutes is left to the guard', async () => {
    stub.answer(() => failure('UNAVAILABLE', 'try again'));
    await rejects(keyOf().describe(scope().signal), 'KMS_UNAVAILABLE');
    assert.equal(stub.requests.length, 1);
  });

  const damaged = [
    { name: 'does not confirm the data key', answer: encrypted(CIPHERTEXT, { verifiedPlaintextCrc32c: false }) },
    {
      name: 'does not confirm the additional data',
      answer: encrypted(CIPHERTEXT, { verifiedAdditionalAuthenticatedDataCrc32c: false }),
    },
    { name: 'has another checksum of the ciphertext', answer: encrypted(CIPHERTEXT, { ciphertextCrc32c: { value: 1 } }) },
    { name: 'has no checksum of the ciphertext', answer: encrypted(CIPHERTEXT, { ciphertextCrc32c: null }) },
  ];
  for (const { name, answer } of damaged) {
    it(`does not use a wrap whose reply ${name}`, async () => {
      stub.answer(() => answer);
      using dataKey = SecretBytes.copyOf(BYTES);
      await rejects(keyOf().wrap({ dataKey, context: CONTEXT }, scope().signal), 'KMS_UNAVAILABLE');
    });
  }

  for (const plaintextCrc32c of [{ value: 1 }, null]) {
    it(`does not use a data key whose reply has ${plaintextCrc32c === null ? 'no' : 'another'} checksum, and it is tried again`, async () => {
      stub.answer(() => decrypted(BYTES, { plaintextCrc32c }));
      await rejects(guardOf(keyOf()).unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope()), 'KMS_UNAVAILABLE');
      assert.equal(stub.requests.length, 2);
    });
  }

  const names = [
    { name: 'its own version', answered: `${KEY_NAME}/cryptoKeyVersions/17`, keyVersion: '17' },
    {
      name: "the project's number in place of its id",
      answered: `${KEY_NAME.replace('acme-prod', '123456')}/cryptoKeyVersions/2`,
      keyVersion: '2',
    },
    { name: 'another key', answered: `${KEY_NAME.replace('main', 'spare')}/cryptoKeyVersions/1` },
    { name: 'another project', answered: `${KEY_NAME.replace('acme-prod', 'globex-prod')}/cryptoKeyVersions/1` },
    { name: 'no version', answered: KEY_NAME },
    { name: 'version 0', answered: `${KEY_NAME}/cryptoKeyVersions/0` },
    { name: 'a version beyond 2^31', answered: `${KEY_NAME}/cryptoKeyVersions/2147483649` },
    { name: 'nothing', answered: '' },
  ];
  for (const { name, answered, keyVersion } of names) {
    it(`${keyVersion === undefined ? 'does not use' : 'stores the version of'} a wrap whose reply names ${name}`, async () => {
      stub.answer(() => encrypted(CIPHERTEXT, { name: answered }));
      using dataKey = SecretBytes.copyOf(BYTES);
      const wrapping = keyOf().wrap({ dataKey, context: CONTEXT }, scope().signal);
      if (keyVersion === undefined) await rejects(wrapping, 'KMS_UNAVAILABLE');
      else assert.equal((await wrapping).keyVersion, keyVersion);
    });
  }

  const versions = [
    { keyVersion: '1', accepted: true },
    { keyVersion: '2147483648', accepted: true },
    { keyVersion: '2147483649', accepted: false },
    { keyVersion: '0', accepted: false },
    { keyVersion: '01', accepted: false },
    { keyVersion: '1 ', accepted: false },
    { keyVersion: '1\n', accepted: false },
    { keyVersion: '-1', accepted: false },
    { keyVersion: '1e3', accepted: false },
    { keyVersion: '', accepted: false },
    { keyVersion: `${KEY_NAME}/cryptoKeyVersions/1`, accepted: false },
  ];
  for (const { keyVersion, accepted } of versions) {
    it(`${accepted ? 'accepts' : 'does not accept'} ${JSON.stringify(keyVersion)} as a stored version`, () => {
      assert.equal(keyOf().accepts({ algorithm: 1, keyVersion }), accepted);
    });
  }

  it('accepts and writes the listed versions only, where some are listed', async () => {
    const key = keyOf({ acceptedVersions: [2, 3] });
    assert.ok(!key.accepts({ algorithm: 1, keyVersion: '1' }));
    assert.ok(key.accepts({ algorithm: 1, keyVersion: '3' }));
    await rejects(guardOf(key).generate(CONTEXT, scope()), 'KEY_MISCONFIGURED');
    await rejects(key.unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope().signal), 'CIPHERTEXT_REJECTED');
  });

  it('cancels the call when the caller goes away, so that Google need not finish it', async () => {
    stub.answer(() => 'hang');
    const before = stub.cancelled;
    const caller = new AbortController();
    const asking = keyOf()
      .describe(caller.signal)
      .catch((error: unknown) => error);
    await stub.reached(1);
    caller.abort(new Error('gone'));
    assert.match(String(await asking), /gone/);
    while (stub.cancelled === before) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(Date.now() < (stub.requests[0]?.deadline.getTime() ?? 0), 'it was the caller who ended it, and not the deadline');
  });

  it('ends calls under way with KMS_UNAVAILABLE when it is closed', async () => {
    stub.answer(() => 'hang');
    const key = keyOf();
    const asking = rejects(key.describe(scope().signal), 'KMS_UNAVAILABLE');
    await stub.reached(1);
    await key.close();
    await asking;
  });

  it('shares its channel with keys of the same endpoint and credentials, and outlives them', async () => {
    const provider = gcpProvider();
    const settings = gcpSettingsSchema.parse({ keyName: KEY_NAME, endpoint: stub.url });
    const [first, second] = ['a', 'b'].map((id) => provider.open(parseKeyConfigurationId(id), settings)) as [KmsKey, KmsKey];
    await first.describe(scope().signal);
    await second.describe(scope().signal);
    await first.close();
    await second.describe(scope().signal);
    assert.equal(new Set(stub.requests.map(({ peer }) => peer)).size, 1, 'one connection serves all');
    await second.close();
  });

  it('is in the state of its primary version, and says which that is', async () => {
    const wanted = {
      ENABLED: 'enabled',
      DISABLED: 'disabled',
      DESTROY_SCHEDULED: 'pending-deletion',
      DESTROYED: 'destroyed',
      PENDING_EXTERNAL_DESTRUCTION: 'destroyed',
      PENDING_GENERATION: 'unknown',
    };
    for (const [stated, state] of Object.entries(wanted)) {
      stub.answer(() => keyFacts({ primary: version('4', stated, 'HSM') }));
      const description = await guardOf(keyOf()).describe(scope());
      assert.equal(description.state, state);
      assert.equal(description.detail, `primary ${KEY_NAME}/cryptoKeyVersions/4 is ${stated}, protection level HSM`);
    }
  });

  const unfit = [
    { name: 'for signing', facts: { purpose: 'ASYMMETRIC_SIGN', primary: null } },
    { name: 'for raw encryption', facts: { purpose: 'RAW_ENCRYPT_DECRYPT' } },
    { name: 'without a primary version', facts: { primary: null } },
  ];
  for (const { name, facts } of unfit) {
    it(`${name} is KEY_MISCONFIGURED for describe`, async () => {
      stub.answer(() => keyFacts(facts));
      await rejects(guardOf(keyOf()).describe(scope()), 'KEY_MISCONFIGURED');
    });
  }
});
