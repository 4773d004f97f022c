import { randomUUID } from 'node:crypto';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { type VaultAuth, type VaultSettings, vaultSettingsSchema } from '../../src/kms/vault/config.ts';
import { vaultProvider } from '../../src/kms/vault/provider.ts';
import { sample } from '../contract/kms-calls.ts';
import type { ContractSubject } from '../contract/kms-subject.ts';
import { type Answering, success, VaultStub } from '../unit/kms/vault/vault-stub.ts';
import { freePort } from './harness.ts';
import { policyFor, type VaultAdmin } from './vault-admin.ts';

type SettingsInput = Partial<VaultSettings> & Pick<VaultSettings, 'address' | 'keyName' | 'auth'>;

/** Checked as in the daemon. */
export function openVaultKey(settings: SettingsInput): KmsKey {
  return vaultProvider().open(parseKeyConfigurationId('acme-main'), vaultSettingsSchema.parse(settings));
}

interface Kind {
  readonly type: string;
  readonly namespace?: string;
  auth(policy: string): Promise<VaultAuth>;
}

/** Every request goes through a stub that counts them and hands them on; faults are scripted there. */
export async function vaultSubject(admin: VaultAdmin, kind: Kind): Promise<ContractSubject> {
  const [main, other, missing] = [
    await admin.createKey({ type: kind.type }),
    await admin.createKey({ type: kind.type }),
    randomUUID(),
  ];
  const policy = `policy-${randomUUID()}`;
  await admin.writePolicy(policy, policyFor(main, other, missing));
  const auth = await kind.auth(policy);
  const counter = await VaultStub.start(() => 'pass', admin.url);
  const opened: KmsKey[] = [];
  const stubs = [counter];
  const keyOf = (keyName: string, address = counter.url, as = auth): KmsKey => {
    const key = openVaultKey({
      address,
      keyName,
      auth: as,
      ...(kind.namespace === undefined ? {} : { namespace: kind.namespace }),
    });
    opened.push(key);
    return key;
  };
  const faulty = async (answer: Answering): Promise<{ stub: VaultStub; key: KmsKey }> => {
    const stub = await VaultStub.start(answer, admin.url);
    stubs.push(stub);
    return { stub, key: keyOf(main, stub.url) };
  };
  return {
    key: keyOf(main),
    otherKey: keyOf(other),
    unacceptedVersion: '0',
    disable: () => admin.softDelete(main),
    enable: () => admin.restore(main),
    rotate: () => admin.rotate(main),
    destroy: () => admin.delete(main),
    refused: async () => {
      const nothing = `policy-${randomUUID()}`;
      await admin.writePolicy(nothing, policyFor(other));
      return keyOf(main, counter.url, await kind.auth(nothing));
    },
    missing: async () => keyOf(missing),
    unreachable: async () => keyOf(main, `http://127.0.0.1:${await freePort()}`),
    hanging: async () => {
      const { stub, key } = await faulty(({ path }) => (path.includes('/decrypt/') ? 'hang' : 'pass'));
      return { key, reached: () => stub.reached('/decrypt/') };
    },
    garbage: async (bytes) => {
      const plaintext = Buffer.alloc(bytes, 1).toString('base64');
      const { key } = await faulty(({ path }) => (path.includes('/decrypt/') ? success({ plaintext }) : 'pass'));
      return { key, wrapped: { algorithm: 1, keyVersion: '1', ciphertext: sample().expose() } };
    },
    calls: () => counter.requests.length,
    close: async () => {
      await Promise.all(opened.map((key) => key.close()));
      await Promise.all(stubs.map((stub) => stub.stop()));
    },
  };
}
