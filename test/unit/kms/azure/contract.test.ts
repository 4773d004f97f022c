import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { azureProvider } from '../../../../src/kms/azure/provider.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { guardOf, wrapSample } from '../../../contract/kms-calls.ts';
import { kmsContract } from '../../../contract/kms-contract.ts';
import type { ContractSubject } from '../../../contract/kms-subject.ts';
import { FakeTimer } from '../../../fakes/kms-timer.ts';
import { NEWER, originKeys, result, settingsFor } from './azure-samples.ts';
import { AzureStub, type StubAnswer } from './azure-stub.ts';
import { VaultModel } from './vault-model.ts';

/** Through the real SDK, but to a model of ours: what Azure does is shown by test/counterparts/azure.test.ts, as far as it is. */
kmsContract('a model of Azure Key Vault', {
  open: subject,
  behind: 'scripted',
  notApplicable: { destroy: 'a deleted key can be recovered until it is purged, and is refused as deleted' },
});

const REMEMBERED_MS = 3 * 60_000;

async function subject(): Promise<ContractSubject> {
  const model = new VaultModel();
  const clock = new FakeTimer();
  const stub = await AzureStub.start((request) => model.answer(request));
  const stubs = [stub];
  const opened: KmsKey[] = [];
  const keyOf = (url: string, change: object = {}): KmsKey => {
    const provider = azureProvider({ originKeys: originKeys(), clock });
    const key = provider.open(parseKeyConfigurationId('acme-main'), settingsFor(url, change));
    opened.push(key);
    return key;
  };
  const faulty = async (answer: StubAnswer): Promise<AzureStub> => {
    const other = await AzureStub.start(() => answer);
    stubs.push(other);
    return other;
  };
  const [version] = [model.addVersion('keyside'), model.addVersion('other')];
  const key = keyOf(stub.url);
  return {
    key,
    otherKey: keyOf(stub.url, { keyName: 'other' }),
    unacceptedVersion: NEWER.slice(1),
    disable: async () => model.setEnabled('keyside', false),
    enable: async () => model.setEnabled('keyside', true),
    scheduleDeletion: async () => model.delete('keyside'),
    rotate: async () => {
      model.addVersion('keyside');
      await clock.advance(REMEMBERED_MS);
    },
    missing: async () => keyOf(stub.url, { keyName: 'nowhere' }),
    refused: async () => keyOf((await faulty({ status: 403, body: { error: { code: 'Forbidden', message: 'denied' } } })).url),
    throttled: async () =>
      keyOf((await faulty({ status: 429, body: { error: { code: 'Throttled', message: 'slow down' } } })).url),
    unreachable: async () => {
      const gone = await AzureStub.start();
      const { url } = gone;
      await gone.stop();
      return keyOf(url);
    },
    hanging: async () => {
      const hung = await faulty('hang');
      return { key: keyOf(hung.url), reached: () => hung.reached(1) };
    },
    garbage: async (bytes) => {
      const { url } = await faulty(result(Buffer.alloc(bytes, 1).toString('base64url'), version));
      return { key: keyOf(url), wrapped: await wrapSample(guardOf(key)) };
    },
    calls: () => stub.requests.length + stub.challenges,
    close: async () => {
      await Promise.all(opened.map((each) => each.close()));
      await Promise.all(stubs.map((each) => each.stop()));
    },
  };
}
