import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import { type GcpSettings, gcpSettingsSchema } from '../../src/kms/gcp/config.ts';
import { crc32c } from '../../src/kms/gcp/crc32c.ts';
import { gcpProvider } from '../../src/kms/gcp/provider.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { shows } from '../contract/behaviours.ts';
import { CONTEXT, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { kmsContract } from '../contract/kms-contract.ts';
import type { ContractSetup, ContractSubject } from '../contract/kms-subject.ts';
import { decrypted, failure } from '../unit/kms/gcp/gcp-stub.ts';
import { GcpAccount } from './gcp-account.ts';
import { GcpFront, type Script } from './gcp-front.ts';
import { GCP_KMS_EMULATOR } from './gcp-kms-emulator.ts';
import { freePort, startCounterpart } from './harness.ts';

const kms = await startCounterpart(GCP_KMS_EMULATOR);

if ('url' in kms) {
  const account = new GcpAccount(kms.url);
  after(() => account.close());
  selfCheck(account);
  kmsContract('Google Cloud KMS (gcp-kms-emulator behind a front), any version', contract(account));
  kmsContract(
    'Google Cloud KMS (gcp-kms-emulator behind a front), listed versions',
    contract(account, { acceptedVersions: [1, 2] }),
  );
  rotation(account);
  directly(account, kms.url);
} else {
  it('Google Cloud KMS', { skip: kms.missing }, () => undefined);
}

/** What the counterpart must show before anything it says of Keyside counts, and where it is not Google. */
function selfCheck(account: GcpAccount): void {
  describe('gcp-kms-emulator itself', () => {
    const plaintext = Buffer.alloc(32, 1);
    const additionalAuthenticatedData = Buffer.from('acme');
    const failureOf = (call: Promise<unknown>) =>
      call.then(
        () => 'success',
        (error: Error) => error.message,
      );
    const wrapped = async () => {
      const name = await account.createKey();
      const { ciphertext } = await account.call('Encrypt', { name, plaintext, additionalAuthenticatedData });
      return { name, ciphertext, additionalAuthenticatedData };
    };

    it('refuses to decrypt and encrypt under a disabled version, with INTERNAL where Google says FAILED_PRECONDITION', async () => {
      const wrap = await wrapped();
      await account.setState(`${wrap.name}/cryptoKeyVersions/1`, 'DISABLED');
      assert.equal(await account.stateOf(`${wrap.name}/cryptoKeyVersions/1`), 'DISABLED');
      assert.match(await failureOf(account.call('Decrypt', wrap)), /^13 INTERNAL: failed to decrypt with any key version/);
      const encrypting = account.call('Encrypt', { name: wrap.name, plaintext });
      assert.match(await failureOf(encrypting), /^13 INTERNAL: primary version is not enabled/);
    });

    it('refuses other additional data, with INTERNAL where Google says INVALID_ARGUMENT', async () => {
      const other = { ...(await wrapped()), additionalAuthenticatedData: Buffer.from('globex') };
      assert.match(await failureOf(account.call('Decrypt', other)), /^13 INTERNAL: failed to decrypt with any key version/);
    });

    it('refuses a request whose checksum does not match', async () => {
      const damaged = { ...(await wrapped()), ciphertextCrc32c: { value: 1 } };
      assert.match(await failureOf(account.call('Decrypt', damaged)), /^3 INVALID_ARGUMENT: request corrupted in transit/);
      const additionalAuthenticatedDataCrc32c = { value: crc32c(additionalAuthenticatedData) };
      assert.equal(
        await failureOf(account.call('Decrypt', { ...(await wrapped()), additionalAuthenticatedDataCrc32c })),
        'success',
      );
    });
  });
}

function rotation(account: GcpAccount): void {
  describe('the versions of a Google Cloud key (gcp-kms-emulator behind a front):', () => {
    it('after rotation old data opens and new data is under the new version, until the old version is disabled', async (t) => {
      shows(t, 'rotated');
      const name = await account.createKey();
      const front = await GcpFront.start(account);
      const key = open({ keyName: name, endpoint: front.stub.url });
      t.after(() => Promise.all([key.close(), front.stub.stop()]));
      const guard = guardOf(key);
      const before = await wrapSample(guard);
      await account.rotate(name);
      const later = await wrapSample(guard);
      assert.deepEqual([before.keyVersion, later.keyVersion], ['1', '2']);
      for (const wrapped of [before, later]) (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      // The stored version is a claim: Google reads the true one from the ciphertext.
      const exchanged = { ...before, keyVersion: '2' };
      (await guard.unwrap({ wrapped: exchanged, context: CONTEXT }, scope())).wipe();

      await account.setState(`${name}/cryptoKeyVersions/1`, 'DISABLED');
      const error = await rejects(guard.unwrap({ wrapped: before, context: CONTEXT }, scope()), 'KEY_REVOKED');
      assert.equal(error.details.scope, 'version');
      await rejects(guard.unwrap({ wrapped: exchanged, context: CONTEXT }, scope()), 'KEY_ACCESS_DENIED');
      (await guard.unwrap({ wrapped: later, context: CONTEXT }, scope())).wipe();
      assert.equal((await guard.describe(scope())).state, 'enabled');

      await account.setState(`${name}/cryptoKeyVersions/2`, 'DISABLED');
      for (const wrapped of [before, later]) {
        const whole = await rejects(guard.unwrap({ wrapped, context: CONTEXT }, scope()), 'KEY_REVOKED');
        assert.equal(whole.details.scope, 'key');
      }
    });
  });
}

function directly(account: GcpAccount, endpoint: string): void {
  describe('Google Cloud KMS (gcp-kms-emulator with nothing in between)', () => {
    it('wraps and unwraps, checksums included', async () => {
      const key = open({ keyName: await account.createKey(), endpoint });
      const guard = guardOf(key);
      const wrapped = await wrapSample(guard);
      (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      await key.close();
    });

    it('a key for signing is KEY_MISCONFIGURED', async () => {
      const key = open({ keyName: await account.createKey('ASYMMETRIC_SIGN', 'EC_SIGN_P256_SHA256'), endpoint });
      await rejects(guardOf(key).describe(scope()), 'KEY_MISCONFIGURED');
      await rejects(wrapSample(guardOf(key)), 'KEY_MISCONFIGURED');
      await key.close();
    });
  });
}

function open(settings: Partial<GcpSettings> & Pick<GcpSettings, 'keyName'>): KmsKey {
  return gcpProvider().open(parseKeyConfigurationId('acme-main'), gcpSettingsSchema.parse(settings));
}

function contract(account: GcpAccount, settings: Partial<GcpSettings> = {}): ContractSetup {
  return {
    open: () => subject(account, settings),
    // The front gives the status that Google documents; the state behind it is the emulator's.
    how: { context: 'scripted', bound: 'scripted', disabled: 'scripted', deleted: 'scripted' },
    disabling: 'the emulator says INTERNAL for a disabled version; the front gives the status that Google documents',
    notApplicable: {
      destroy: 'Google destroys a version after a waiting period, during which it is refused as scheduled for destruction',
      rotate:
        'Google finds the version in the ciphertext and never says which, so an exchanged one cannot be told; rotation itself is run below',
    },
  };
}

async function subject(account: GcpAccount, settings: Partial<GcpSettings>): Promise<ContractSubject> {
  const [main, other] = [await account.createKey(), await account.createKey()];
  const fronts: GcpFront[] = [];
  const opened: KmsKey[] = [];
  const fronted = async (script?: Script): Promise<GcpFront> => {
    const front = await GcpFront.start(account, script);
    fronts.push(front);
    return front;
  };
  const { stub } = await fronted();
  const keyOf = (change: Partial<GcpSettings> = {}): KmsKey => {
    const key = open({ keyName: main, endpoint: stub.url, ...settings, ...change });
    opened.push(key);
    return key;
  };
  const version = `${main}/cryptoKeyVersions/1`;
  return {
    key: keyOf(),
    otherKey: keyOf({ keyName: other }),
    unacceptedVersion: settings.acceptedVersions === undefined ? '2147483649' : '3',
    disable: () => account.setState(version, 'DISABLED'),
    enable: () => account.setState(version, 'ENABLED'),
    scheduleDeletion: () => account.scheduleDestruction(version),
    missing: async () => keyOf({ keyName: `${main}-missing` }),
    refused: async () => keyOf({ endpoint: (await fronted(() => failure('PERMISSION_DENIED', 'denied'))).stub.url }),
    throttled: async () => keyOf({ endpoint: (await fronted(() => failure('RESOURCE_EXHAUSTED', 'quota'))).stub.url }),
    unreachable: async () => keyOf({ endpoint: `http://127.0.0.1:${await freePort()}` }),
    hanging: async () => {
      const front = await fronted(({ method }) => (method === 'decrypt' ? 'hang' : undefined));
      return { key: keyOf({ endpoint: front.stub.url }), reached: () => front.stub.reached(1) };
    },
    garbage: async (bytes) => {
      const front = await fronted(({ method }) => (method === 'decrypt' ? decrypted(Buffer.alloc(bytes, 1)) : undefined));
      const key = keyOf({ endpoint: front.stub.url });
      return { key, wrapped: await wrapSample(guardOf(key)) };
    },
    calls: () => stub.requests.length,
    close: async () => {
      await Promise.all(opened.map((key) => key.close()));
      await Promise.all(fronts.map((front) => front.stub.stop()));
    },
  };
}
