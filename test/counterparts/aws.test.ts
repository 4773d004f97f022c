import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import type { AwsSettings } from '../../src/kms/aws/config.ts';
import { awsProvider } from '../../src/kms/aws/provider.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../contract/kms-calls.ts';
import { kmsContract } from '../contract/kms-contract.ts';
import type { ContractSetup, ContractSubject } from '../contract/kms-subject.ts';
import { AwsStub, kmsError } from '../fakes/kms-aws-stub.ts';
import { credentialsFile, keyMetadata } from '../unit/kms/aws/aws-samples.ts';
import { AwsAccount } from './aws-account.ts';
import { freePort, skipOf, startCounterpart } from './harness.ts';
import { LOCAL_KMS } from './local-kms.ts';
import { MOTO } from './moto.ts';

const file = await credentialsFile();
const FROM_FILE = { source: 'file', file, profile: 'default' } as const;

const kms = await startCounterpart(LOCAL_KMS);
const sts = await startCounterpart(MOTO);
const endpoint = 'url' in kms ? kms.url : '';

if ('url' in kms) {
  const account = new AwsAccount(endpoint);
  after(() => account.close());
  selfCheck(account);
  kmsContract(
    'AWS KMS (local-kms), key by ARN',
    contract(() => subject(account)),
  );
  kmsContract(
    'AWS KMS (local-kms), key by alias',
    contract(() => aliasSubject(account)),
  );
  wrongKinds(account);
} else {
  it('AWS KMS', { skip: kms.missing }, () => undefined);
}

/** What the counterpart must show before anything it says of Keyside counts. */
function selfCheck(account: AwsAccount): void {
  describe('local-kms itself', () => {
    const EncryptionContext = { 'keyside:tenant': 'acme' };
    const encrypt = async (KeyId: string) => {
      const { CiphertextBlob } = await account.client.send(
        new EncryptCommand({ KeyId, EncryptionContext, Plaintext: Buffer.alloc(32) }),
      );
      return { KeyId, CiphertextBlob };
    };
    const failure = (promise: Promise<unknown>) =>
      promise.then(
        () => 'success',
        (error: Error) => error.name,
      );

    it('refuses to decrypt under a disabled key', async () => {
      const wrap = await encrypt(await account.createKey());
      await account.disable(wrap.KeyId);
      assert.equal(await account.stateOf(wrap.KeyId), 'Disabled');
      assert.equal(await failure(account.client.send(new DecryptCommand({ ...wrap, EncryptionContext }))), 'DisabledException');
    });

    it('refuses another encryption context', async () => {
      const wrap = await encrypt(await account.createKey());
      const other = { 'keyside:tenant': 'globex' };
      assert.equal(
        await failure(account.client.send(new DecryptCommand({ ...wrap, EncryptionContext: other }))),
        'InvalidCiphertextException',
      );
    });

    it('says InvalidCiphertextException for another key, where AWS says IncorrectKeyException', async () => {
      const { CiphertextBlob } = await encrypt(await account.createKey());
      const request = { KeyId: await account.createKey(), CiphertextBlob, EncryptionContext };
      assert.equal(await failure(account.client.send(new DecryptCommand(request))), 'InvalidCiphertextException');
    });
  });
}

function wrongKinds(account: AwsAccount): void {
  describe('AWS KMS (local-kms)', () => {
    it('an asymmetric key is KEY_MISCONFIGURED for describe', async () => {
      const key = open({ keyId: await account.createKey({ KeySpec: 'RSA_2048' }) });
      await rejects(guardOf(key).describe(scope()), 'KEY_MISCONFIGURED');
      await key.close();
    });

    it('an alias that was moved to a key which is not listed writes nothing', async () => {
      const [first, second] = [await account.createKey(), await account.createKey()];
      const alias = await account.createAlias(first);
      const key = open({ keyId: alias, acceptedKeyIds: [first] });
      (await guardOf(key).generate(contextOf(), scope())).dataKey.wipe();
      await account.moveAlias(alias, second);
      await rejects(guardOf(key).generate(contextOf(), scope()), 'KEY_MISCONFIGURED');
      await key.close();
    });
  });
}

describe('the credentials of an AWS key, with moto as STS', { skip: skipOf(sts) }, () => {
  const stsEndpoint = 'url' in sts ? sts.url : '';
  const roleArn = 'arn:aws:iam::111122223333:role/keyside';
  const sources = [
    { name: 'a role assumed with an external id', source: { source: 'assume-role', externalId: 'acme:42', base: FROM_FILE } },
    { name: 'a web identity', source: { source: 'web-identity', tokenFile: file } },
  ] as const;
  for (const { name, source } of sources) {
    it(`${name} signs with the temporary access key`, async () => {
      const stub = await AwsStub.start(() => keyMetadata());
      const credentials = { ...source, roleArn, stsEndpoint, sessionName: 'keyside' };
      const key = open({ keyId: randomUUID(), region: 'us-east-1', endpoint: stub.url, credentials });
      await guardOf(key).describe(scope());
      const { authorization, 'x-amz-security-token': token } = stub.requests[0]?.headers ?? {};
      assert.match(authorization ?? '', /Credential=ASIA/);
      assert.ok(typeof token === 'string' && token.length > 0);
      await key.close();
      await stub.stop();
    });
  }
});

function open(settings: Partial<AwsSettings> & Pick<AwsSettings, 'keyId'>): KmsKey {
  return awsProvider().open(parseKeyConfigurationId('acme-main'), {
    endpoint,
    credentials: FROM_FILE,
    region: 'us-east-1',
    ...settings,
  });
}

function contract(openSubject: () => Promise<ContractSubject>): ContractSetup {
  return {
    open: openSubject,
    notApplicable: {
      destroy: 'AWS deletes after a waiting period of 7 days or more, during which the key is refused as scheduled for deletion',
      calls: 'local-kms counts no calls; the unit tests of the provider do, with a stub',
      rotate: "AWS rotates below the key's id and no reply shows it; the alias suite moves to another key",
    },
  };
}

async function subject(account: AwsAccount): Promise<ContractSubject> {
  const [main, other] = [await account.createKey(), await account.createKey()];
  return subjectOf(account, { main, other, settings: { keyId: main } });
}

async function aliasSubject(account: AwsAccount): Promise<ContractSubject> {
  const [main, next, other] = [await account.createKey(), await account.createKey(), await account.createKey()];
  const alias = await account.createAlias(main);
  const of = subjectOf(account, { main, other, settings: { keyId: alias, acceptedKeyIds: [main, next] } });
  return { ...of, rotate: () => account.moveAlias(alias, next) };
}

interface Keys {
  readonly main: string;
  readonly other: string;
  readonly settings: Pick<AwsSettings, 'keyId' | 'acceptedKeyIds'>;
}

function subjectOf(account: AwsAccount, { main, other, settings }: Keys): ContractSubject {
  const opened: KmsKey[] = [];
  const stubs: AwsStub[] = [];
  const keyOf = (change: Partial<AwsSettings> = {}): KmsKey => {
    const key = open({ ...settings, ...change });
    opened.push(key);
    return key;
  };
  const stubbed = async (answer: Parameters<typeof AwsStub.start>[0]): Promise<{ stub: AwsStub; key: KmsKey }> => {
    const stub = await AwsStub.start(answer);
    stubs.push(stub);
    return { stub, key: keyOf({ endpoint: stub.url }) };
  };
  return {
    key: keyOf(),
    otherKey: keyOf({ keyId: other, acceptedKeyIds: [] }),
    unacceptedVersion: randomUUID(),
    unauthenticated: {
      bytes: 5 + main.length,
      reason: "local-kms writes the key's ARN and version before the ciphertext, in clear",
    },
    disable: () => account.disable(main),
    enable: () => account.enable(main),
    scheduleDeletion: () => account.scheduleDeletion(main),
    missing: async () => keyOf({ keyId: randomUUID(), acceptedKeyIds: [] }),
    refused: async () => (await stubbed(() => kmsError('AccessDeniedException', 'not authorized'))).key,
    throttled: async () => (await stubbed(() => kmsError('ThrottlingException', 'Rate exceeded'))).key,
    unreachable: async () => keyOf({ endpoint: `http://127.0.0.1:${await freePort()}` }),
    hanging: async () => {
      const { stub, key } = await stubbed(() => 'hang');
      return { key, reached: () => stub.reached(1) };
    },
    garbage: async (bytes) => {
      const Plaintext = Buffer.alloc(bytes, 1).toString('base64');
      const { key } = await stubbed(() => ({ body: { KeyId: main, Plaintext, CiphertextBlob: 'AQ==' } }));
      return { key, wrapped: { algorithm: 1, keyVersion: main.split('/')[1] ?? '', ciphertext: Uint8Array.of(1) } };
    },
    close: async () => {
      await Promise.all(opened.map((key) => key.close()));
      await Promise.all(stubs.map((stub) => stub.stop()));
    },
  };
}
