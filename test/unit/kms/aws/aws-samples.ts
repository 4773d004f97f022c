import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StubAnswer } from '../../../fakes/kms-aws-stub.ts';

export const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
export const KEY_ARN = `arn:aws:kms:us-east-1:111122223333:key/${KEY_ID}`;

/** A shared credentials file with one access key. */
export async function credentialsFile(accessKeyId = 'AKIAEXAMPLE'): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'keyside-aws-')), 'credentials');
  await writeFile(file, credentialsText(accessKeyId), { mode: 0o600 });
  return file;
}

export function credentialsText(accessKeyId: string): string {
  return `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = SECRETEXAMPLE\n`;
}

/** DescribeKey's answer for a sound key, with what is to be otherwise. */
export function keyMetadata(change: Readonly<Record<string, string>> = {}): StubAnswer {
  const sound = { KeyId: KEY_ID, Arn: KEY_ARN, KeyState: 'Enabled', KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' };
  return { body: { KeyMetadata: { ...sound, Origin: 'AWS_KMS', ...change } } };
}
