import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** A key of a service account as Google's console writes it, with what is to be otherwise. */
export function keyFile(change: object = {}): object {
  return {
    type: 'service_account',
    project_id: 'vendor-prod',
    private_key_id: '0123456789abcdef',
    private_key: privateKey,
    client_email: 'keyside@vendor-prod.iam.gserviceaccount.com',
    client_id: '123456789012345678901',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: 'https://oauth2.googleapis.com/token',
    universe_domain: 'googleapis.com',
    ...change,
  };
}

/** A configuration as `gcloud iam workload-identity-pools create-cred-config` writes it, with what is to be otherwise. */
export function federationFile(change: object = {}): object {
  return {
    universe_domain: 'googleapis.com',
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/vendor/providers/cluster',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file: '/var/run/service-account/token', format: { type: 'text' } },
    ...change,
  };
}

/** Writes a file into a folder of its own. */
export async function fileOf(content: object | string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'keyside-gcp-')), 'credentials.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  return file;
}

/** As a mounted secret changes: another file takes the name. */
export async function replace(file: string, content: object): Promise<void> {
  const next = join(dirname(file), 'next');
  await writeFile(next, JSON.stringify(content), { mode: 0o600 });
  await rename(next, file);
}
