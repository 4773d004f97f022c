import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answering, type StubAnswer, success } from './vault-stub.ts';

/** Looks like what Vault gives out, so that a test can look for it where it must not be. */
export const TOKEN = 'hvs.CAESIExampleTokenOfTheDaemon';
export const WRAP_BYTES = Buffer.alloc(60, 9);
export const CIPHERTEXT = `vault:v3:${WRAP_BYTES.toString('base64')}`;
export const WRAPPED = { algorithm: 1, keyVersion: '3', ciphertext: new Uint8Array(WRAP_BYTES) } as const;
export const DATA_KEY = Buffer.alloc(32, 7);

export const AUTHENTICATION_FAILED: StubAnswer = { status: 400, body: { errors: ['cipher: message authentication failed'] } };

export async function credentialFile(text: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'keyside-vault-')), 'credential');
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

/** What reading a sound key shows, as OpenBao 2.7.2 answers, with what is to be otherwise. */
export function keyFacts(change: Readonly<Record<string, unknown>> = {}): StubAnswer {
  return success({
    allow_plaintext_backup: false,
    auto_rotate_period: 0,
    deletion_allowed: false,
    derived: false,
    exportable: false,
    imported_key: false,
    keys: { '1': 1795503211, '2': 1795503212, '3': 1795503213 },
    latest_version: 3,
    min_available_version: 0,
    min_decryption_version: 1,
    min_encryption_version: 0,
    name: 'acme',
    soft_deleted: false,
    supports_decryption: true,
    supports_derivation: true,
    supports_encryption: true,
    supports_signing: false,
    type: 'aes256-gcm96',
    ...change,
  });
}

/** A Transit that wraps and unwraps one data key, and binds its context. */
export const soundTransit: Answering = ({ path, body }) => {
  if (path.startsWith('transit/keys/')) return keyFacts();
  if (path.startsWith('transit/encrypt/')) return success({ ciphertext: CIPHERTEXT, key_version: 3 });
  if (path.startsWith('transit/decrypt/')) {
    return body.associated_data === undefined ? AUTHENTICATION_FAILED : success({ plaintext: DATA_KEY.toString('base64') });
  }
  return { status: 501, body: { errors: [`no answer to ${path}`] } };
};
