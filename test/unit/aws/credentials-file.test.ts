import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readAccessKey } from '../../../src/aws/credentials-file.ts';

const KEY = 'aws_access_key_id = AKIA1\naws_secret_access_key = sec=ret\n';

describe('the credentials file', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyside-credentials-'));
  });
  after(() => rm(folder, { recursive: true }));

  const read = async (text: string, profile = 'default') => {
    const file = join(folder, 'credentials');
    await writeFile(file, text);
    return readAccessKey(file, profile);
  };

  it('gives the access key of the profile, and its session token where it has one', async () => {
    assert.deepEqual(await read(`[default]\n${KEY}`), { accessKeyId: 'AKIA1', secretAccessKey: 'sec=ret' });
    const text = `# a comment\n[other]\naws_access_key_id=AKIA2\r\naws_secret_access_key=b\r\naws_session_token=c\n[default]\n${KEY}`;
    assert.deepEqual(await read(text, 'other'), { accessKeyId: 'AKIA2', secretAccessKey: 'b', sessionToken: 'c' });
  });

  for (const entry of [
    'credential_process = /bin/sh -c id',
    'role_arn = arn:aws:iam::1:role/x',
    'source_profile = default',
    'sso_session = x',
  ]) {
    it(`refuses a profile with ${entry.split(' ')[0]}, naming it and no value`, async () => {
      await assert.rejects(read(`[default]\n${KEY}${entry}\n`), (error: Error) => {
        assert.equal(error.name, 'CredentialsProviderError');
        assert.match(error.message, new RegExp(`profile default .* has ${entry.split(' ')[0]}`));
        assert.doesNotMatch(error.message, /AKIA1|sec=ret|bin\/sh|arn:aws/);
        return true;
      });
    });
  }

  it('does not mind what other profiles hold', async () => {
    assert.equal((await read(`[other]\ncredential_process = x\n[default]\n${KEY}`)).accessKeyId, 'AKIA1');
  });

  it('says what is missing', async () => {
    await assert.rejects(read(`[other]\n${KEY}`), /no profile default/);
    await assert.rejects(read('[default]\naws_access_key_id = AKIA1\n'), /lacks aws_secret_access_key/);
  });
});
