import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import { azureProvider } from '../../src/kms/azure/provider.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { shows } from '../contract/behaviours.ts';
import { CONTEXT, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { kmsContract } from '../contract/kms-contract.ts';
import type { ContractSubject } from '../contract/kms-subject.ts';
import { FakeTimer } from '../fakes/kms-timer.ts';
import { CLIENT_ID, LOOPBACK_PEM, originKeys, settingsFor, textFile } from '../unit/kms/azure/azure-samples.ts';
import { AzureCustomer } from './azure-customer.ts';
import { azureEmulator } from './azure-emulator.ts';
import { DAEMON, Entra } from './azure-entra.ts';
import { VaultProxy } from './azure-proxy.ts';
import { freePort, startCounterpart } from './harness.ts';

const REMEMBERED_MS = 3 * 60_000;

const NOT_APPLICABLE = {
  destroy: 'a deleted key can be recovered until it is purged, and is refused as deleted',
  refused: "the vault's roles are set for the whole emulator: the suite below takes them away",
  throttled: "the emulator's faults hold for all its keys: the suite below asks for one",
};

const entra = await Entra.start();
after(() => entra.stop());
const emulator = azureEmulator(entra);
const started = await startCounterpart(emulator);

if ('url' in started) {
  const url = started.url.replace('http:', 'https:');
  const ca = emulator.certificate();
  const customer = new AzureCustomer({ url, ca: `${ca}${readFileSync(LOOPBACK_PEM, 'utf8')}` }, entra);
  const proxy = await VaultProxy.start({ url, ca });
  after(() => proxy.stop());
  const world: World = { customer, proxy, target: { url, ca } };
  selfCheck(world);
  kmsContract('Azure Key Vault (emulator), newest version', { open: () => subject(world), notApplicable: NOT_APPLICABLE });
  kmsContract('Azure Key Vault (emulator), one version', {
    open: () => pinnedSubject(world),
    notApplicable: { ...NOT_APPLICABLE, rotate: 'the configuration names the version that wraps; the suite above rotates' },
  });
  beyondTheContract(world);
} else {
  it('Azure Key Vault', { skip: started.missing }, () => undefined);
}

interface World {
  readonly customer: AzureCustomer;
  /** Before the emulator; counts. */
  readonly proxy: VaultProxy;
  readonly target: { readonly url: string; readonly ca: Buffer };
}

/** What the counterpart must show before anything it says of Keyside counts. */
function selfCheck({ customer }: World): void {
  describe('the emulator itself', () => {
    const status = (promise: Promise<unknown>) =>
      promise.then(
        () => 200,
        (error: { statusCode?: number }) => error.statusCode,
      );
    const wrap = async (name: string) => {
      const client = await customer.cryptography(name);
      return { client, wrapped: (await client.wrapKey('RSA-OAEP-256', Buffer.alloc(64))).result };
    };

    it('refuses to unwrap under a disabled key', async () => {
      const name = await customer.createKey();
      const { client, wrapped } = await wrap(name);
      await customer.setEnabled(name, false);
      assert.equal(await status(client.unwrapKey('RSA-OAEP-256', wrapped)), 403);
    });

    it('knows a deleted key no more', async () => {
      const name = await customer.createKey();
      const { client, wrapped } = await wrap(name);
      await customer.delete(name);
      assert.equal(await status(client.unwrapKey('RSA-OAEP-256', wrapped)), 404);
    });

    it('refuses what another key wrapped', async () => {
      const { wrapped } = await wrap(await customer.createKey());
      const { client } = await wrap(await customer.createKey());
      assert.equal(await status(client.unwrapKey('RSA-OAEP-256', wrapped)), 400);
    });

    it('verifies tokens: signature, audience and lifetime', async () => {
      const path = `/keys/${await customer.createKey()}/?api-version=7.4`;
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const tokens = [
        entra.mint(),
        entra.mint({}, privateKey),
        entra.mint({ aud: 'https://management.azure.com' }),
        entra.mint({ exp: 1 }),
      ];
      assert.deepEqual(await Promise.all(tokens.map((token) => customer.call('GET', path, { token }))), [200, 401, 401, 401]);
    });

    it('unlike Azure, neither shows a disabled key nor lets it wrap', async () => {
      const name = await customer.createKey();
      const { client } = await wrap(name);
      await customer.setEnabled(name, false);
      assert.equal(await status(client.wrapKey('RSA-OAEP-256', Buffer.alloc(64))), 403);
      assert.equal(await status(customer.cryptography(name)), 403);
    });
  });
}

function beyondTheContract({ customer, proxy }: World): void {
  describe('Azure Key Vault (emulator)', () => {
    const keyOf = (keyName: string, change: object = {}): KmsKey => open(proxy.url, { keyName, ...change });
    const unwrap = (key: KmsKey, wrapped: Parameters<KmsKey['unwrap']>[0]['wrapped']) =>
      guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped, context: CONTEXT }, scope());

    it('a disabled version is revoked alone while another is enabled', async () => {
      const name = await customer.createKey();
      const key = keyOf(name);
      const wrapped = await wrapSample(guardOf(key));
      await customer.rotate(name);
      await customer.setEnabled(name, false, wrapped.keyVersion);
      assert.equal((await rejects(unwrap(key, wrapped), 'KEY_REVOKED')).details.scope, 'version');
      assert.notEqual((await wrapSample(guardOf(key))).keyVersion, wrapped.keyVersion);
      await key.close();
    });

    it('a purged key is not found', async () => {
      const name = await customer.createKey();
      const key = keyOf(name);
      const wrapped = await wrapSample(guardOf(key));
      await customer.delete(name);
      await rejects(unwrap(key, wrapped), 'KEY_REVOKED');
      await customer.purge(name);
      await rejects(unwrap(key, wrapped), 'KEY_NOT_FOUND');
      await key.close();
    });

    it('an expired key wraps no more, which is a refusal and no revocation', async () => {
      const name = await customer.createKey();
      const key = keyOf(name);
      const { keyVersion } = await wrapSample(guardOf(key));
      await customer.expire(name, keyVersion);
      await rejects(wrapSample(guardOf(key)), 'KEY_ACCESS_DENIED');
      assert.match((await key.describe(scope().signal)).detail, /wraps until/);
      await key.close();
    });

    it('an elliptic-curve key, and one that may only sign, are KEY_MISCONFIGURED', async () => {
      for (const name of [await customer.createKey('EC'), await customer.createKey('RSA', ['sign'])]) {
        const key = keyOf(name);
        await rejects(wrapSample(guardOf(key)), 'KEY_MISCONFIGURED');
        await rejects(key.describe(scope().signal), 'KEY_MISCONFIGURED');
        await key.close();
      }
    });

    it('the role "Key Vault Crypto Service Encryption User" suffices, and without a role Azure refuses', async (t) => {
      shows(t, 'refused');
      t.after(() => customer.control('permissions', {}));
      const name = await customer.createKey();
      const key = keyOf(name);
      const role = { principalId: DAEMON.objectId, role: 'Key Vault Crypto Service Encryption User' };
      const owner = { principalId: '00000000-0000-0000-0000-000000000002', role: 'Key Vault Administrator' };
      await customer.control('rbac', { assignments: [role, owner] });
      const wrapped = await wrapSample(guardOf(key));
      (await unwrap(key, wrapped)).wipe();
      assert.equal((await key.describe(scope().signal)).state, 'enabled');
      await customer.setEnabled(name, false);
      await rejects(unwrap(key, wrapped), 'KEY_REVOKED');
      await customer.setEnabled(name, true);
      await customer.control('rbac', { assignments: [owner] });
      await rejects(unwrap(key, wrapped), 'KEY_ACCESS_DENIED');
      await key.close();
    });

    it('throttling and faults are weather, and go by with another attempt', async (t) => {
      shows(t, 'throttled');
      const key = keyOf(await customer.createKey());
      const wrapped = await wrapSample(guardOf(key));
      await customer.control('faults', { throttleNextRequests: 1 });
      await rejects(unwrap(key, wrapped), 'KMS_THROTTLED');
      await customer.control('faults', { rejectNextRequests: 1 });
      await rejects(unwrap(key, wrapped), 'KMS_UNAVAILABLE');
      await customer.control('faults', { rejectNextRequests: 1 });
      (await guardOf(key).unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      await key.close();
    });

    it('a wrong client secret is KEY_MISCONFIGURED', async () => {
      const credentials = { source: 'client-secret', clientId: CLIENT_ID, secretFile: textFile('wrong', 'wrong') };
      const key = keyOf(await customer.createKey(), { credentials });
      assert.match((await rejects(key.describe(scope().signal), 'KEY_MISCONFIGURED')).message, /AADSTS7000215/);
      await key.close();
    });
  });
}

function open(url: string, change: object, clock = new FakeTimer()): KmsKey {
  const settings = settingsFor(url, { authorityHost: entra.url, ...change });
  return azureProvider({ originKeys: originKeys(), clock }).open(parseKeyConfigurationId('acme-main'), settings);
}

async function subject(world: World): Promise<ContractSubject> {
  const { customer } = world;
  const clock = new FakeTimer();
  const [keyName, other] = [await customer.createKey(), await customer.createKey()];
  const rotate = async (): Promise<void> => {
    await customer.rotate(keyName);
    await clock.advance(REMEMBERED_MS);
  };
  return { ...subjectOf(world, { keyName, other, clock }), unacceptedVersion: '0123456789abcdef0123456789abcde', rotate };
}

async function pinnedSubject(world: World): Promise<ContractSubject> {
  const { customer } = world;
  const [keyName, other] = [await customer.createKey(), await customer.createKey()];
  const [keyVersion = ''] = await customer.versions(keyName);
  const [unacceptedVersion = ''] = await customer.versions(other);
  const pinned = subjectOf(world, { keyName, other, clock: new FakeTimer(), change: { keyVersion, acceptedVersions: [] } });
  return { ...pinned, unacceptedVersion };
}

interface Keys {
  readonly keyName: string;
  readonly other: string;
  readonly clock: FakeTimer;
  /** Of the settings. */
  readonly change?: object;
}

function subjectOf(
  { customer, proxy, target }: World,
  { keyName, other, clock, change = {} }: Keys,
): Omit<ContractSubject, 'unacceptedVersion'> {
  const opened: KmsKey[] = [];
  const proxies: VaultProxy[] = [];
  const keyOf = (url: string, settings: object = change): KmsKey => {
    const key = open(url, { keyName, ...settings }, clock);
    opened.push(key);
    return key;
  };
  const faulty = async (fault: Parameters<typeof VaultProxy.start>[1]): Promise<{ proxy: VaultProxy; key: KmsKey }> => {
    const before = await VaultProxy.start(target, fault);
    proxies.push(before);
    return { proxy: before, key: keyOf(before.url) };
  };
  const key = keyOf(proxy.url);
  return {
    key,
    otherKey: keyOf(proxy.url, { keyName: other }),
    disable: () => customer.setEnabled(keyName, false),
    enable: () => customer.setEnabled(keyName, true),
    scheduleDeletion: () => customer.delete(keyName),
    missing: async () => keyOf(proxy.url, { ...change, keyName: 'nowhere' }),
    unreachable: async () => keyOf(`https://127.0.0.1:${await freePort()}`),
    hanging: async () => {
      const hung = await faulty('hang');
      return { key: hung.key, reached: () => hung.proxy.reached() };
    },
    garbage: async (bytes) => ({ key: (await faulty({ bytes })).key, wrapped: await wrapSample(guardOf(key)) }),
    calls: () => proxy.calls,
    close: async () => {
      await Promise.all(opened.map((each) => each.close()));
      await Promise.all(proxies.map((each) => each.stop()));
    },
  };
}
