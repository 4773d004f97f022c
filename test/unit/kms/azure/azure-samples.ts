import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { type AzureSettings, azureSettingsSchema } from '../../../../src/kms/azure/config.ts';

/** A self-signed certificate for loopback addresses and its key, made for these tests alone; valid until 2125. */
export const LOOPBACK_PEM = join(import.meta.dirname, 'loopback.pem');

export const TENANT_ID = '11111111-2222-3333-4444-555555555555';
export const CLIENT_ID = '66666666-7777-8888-9999-aaaaaaaaaaaa';
export const CLIENT_SECRET = 'sEcReT~of.the-application';
export const KEY_NAME = 'keyside';
export const VERSION = '0123456789abcdef0123456789abcdef';
export const NEWER = 'fedcba9876543210fedcba9876543210';

const folder = mkdtempSync(join(tmpdir(), 'keyside-azure-'));
export const SECRET_FILE = textFile('secret', `${CLIENT_SECRET}\n`);

/** A file of its own in a temporary folder. */
export function textFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

export function originKeys(fill = 1): readonly [SecretBytes] {
  return [SecretBytes.own(new Uint8Array(32).fill(fill))];
}

/** Settings of a key in a vault on this machine, with what is to be otherwise. */
export function settingsFor(url: string, change: object = {}): AzureSettings {
  return azureSettingsSchema.parse({
    vaultUrl: url,
    keyName: KEY_NAME,
    tenantId: TENANT_ID,
    credentials: { source: 'client-secret', clientId: CLIENT_ID, secretFile: SECRET_FILE },
    authorityHost: url,
    emulator: true,
    caFile: LOOPBACK_PEM,
    ...change,
  });
}

interface KeyChange {
  readonly version?: string;
  readonly attributes?: object;
  readonly key?: object;
}

/** GetKey's answer for a sound key, with what is to be otherwise. */
export function keyBundle({ version = VERSION, attributes = {}, key = {} }: KeyChange = {}) {
  const kid = kidOf(version);
  const operations = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];
  return {
    body: {
      key: { kid, kty: 'RSA', key_ops: operations, n: 'AQAB', e: 'AQAB', ...key },
      attributes: { enabled: true, recoveryLevel: 'Recoverable', ...attributes },
    },
  };
}

/** GetKeyVersions' answer. */
export function versionList(enabled: Readonly<Record<string, boolean>>) {
  const value = Object.entries(enabled).map(([version, isEnabled]) => ({
    kid: kidOf(version),
    attributes: { enabled: isEnabled },
  }));
  return { body: { value } };
}

/** GetDeletedKey's answer. */
export function deletedBundle() {
  const { body } = keyBundle();
  const recoveryId = 'https://acme.vault.azure.net/deletedkeys/keyside';
  return { body: { ...body, recoveryId, deletedDate: 1_700_000_000, scheduledPurgeDate: 1_707_776_000 } };
}

/** What WrapKey and UnwrapKey answer: here whatever `value` they are given. */
export function result(value: unknown, version = VERSION) {
  return { body: { kid: kidOf(version), value } };
}

/** Azure states the vault's own name, also where it was reached by another. */
export function kidOf(version: string, keyName = KEY_NAME): string {
  return `https://acme.vault.azure.net/keys/${keyName}/${version}`;
}
