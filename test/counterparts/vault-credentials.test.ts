import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { type VaultAuth, vaultSettingsSchema } from '../../src/kms/vault/config.ts';
import { vaultProvider } from '../../src/kms/vault/provider.ts';
import { CONTEXT, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { FakeTimer } from '../fakes/kms-timer.ts';
import { VaultStub } from '../unit/kms/vault/vault-stub.ts';
import { exists, skipOf, startCounterpart } from './harness.ts';
import { policyFor, VaultAdmin } from './vault-admin.ts';
import { BAO, openbao, ROOT_TOKEN } from './vault-openbao.ts';

const MINUTE_MS = 60_000;
const LOGIN = 'auth/approle/login';
const RENEWAL = 'auth/token/renew-self';

const server = await startCounterpart(openbao());

describe('a Vault key and its credentials at OpenBao', { skip: skipOf(server) }, () => {
  const admin = new VaultAdmin('url' in server ? server.url : '');
  const time = new FakeTimer();
  const provider = vaultProvider(time);
  const opened: KmsKey[] = [];
  let counter: VaultStub;
  let keyName: string;

  before(async () => {
    await admin.setUp();
    counter = await VaultStub.start(() => 'pass', admin.url);
    keyName = await admin.createKey();
    await admin.writePolicy('keyside', policyFor(keyName));
  });
  after(async () => {
    await Promise.all(opened.map((key) => key.close()));
    await counter.stop();
    await admin.close();
  });
  beforeEach(() => counter.requests.splice(0));

  function open(auth: VaultAuth, name = keyName): KmsKey {
    const settings = vaultSettingsSchema.parse({ address: counter.url, keyName: name, auth });
    const key = provider.open(parseKeyConfigurationId('acme-main'), settings);
    opened.push(key);
    return key;
  }
  const describeOnce = (key: KmsKey) => guardOf(key, { maxAttempts: 1 }).describe(scope());
  const count = (path: string) => counter.paths.filter((seen) => seen === path).length;
  const tokens = () => new Set(counter.requests.map(({ token }) => token).filter((token) => token !== undefined));

  it('logs in once for all that ask at once, and for all keys of the same credentials', async () => {
    const auth = await admin.appRole('keyside');
    const [first, second] = [open(auth), open(auth)];
    await Promise.all([first, second, first, second].map(describeOnce));
    await describeOnce(first);
    assert.equal(count(LOGIN), 1);
    await first.close();
    await describeOnce(second);
    assert.equal(count(LOGIN), 1);
  });

  it('renews its token before its end, beside the calls, with a secret id that serves only once', async () => {
    const key = open(await admin.appRole('keyside', { token_ttl: '20m', token_max_ttl: '24h', secret_id_num_uses: 1 }));
    await describeOnce(key);
    await time.advance(13 * MINUTE_MS);
    await describeOnce(key);
    assert.equal(count(RENEWAL), 0);
    await time.advance(MINUTE_MS);
    await describeOnce(key);
    await counter.answered(RENEWAL);
    // One more exchange with the server: by its end the answer before it was read, and time may go on.
    await describeOnce(key);
    await time.advance(13 * MINUTE_MS);
    await describeOnce(key);
    assert.deepEqual([count(LOGIN), count(RENEWAL), tokens().size], [1, 1, 1]);
  });

  it('logs in again when its token is at its end', async () => {
    const key = open(await admin.appRole('keyside'));
    await describeOnce(key);
    await time.advance(20 * MINUTE_MS);
    await describeOnce(key);
    assert.deepEqual([count(LOGIN), count(RENEWAL), tokens().size], [2, 0, 2]);
  });

  it('logs in again, once and for all callers, when its token was revoked', async () => {
    const key = open(await admin.appRole('keyside'));
    const wrapped = await wrapSample(guardOf(key));
    const [token] = [...tokens()];
    await admin.do('POST', 'auth/token/revoke', { token });
    await time.advance(MINUTE_MS);
    const unwrap = async () => (await guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    await Promise.all([unwrap(), unwrap(), unwrap()]);
    assert.equal(count(LOGIN), 2);
  });

  it('does not log in again for a refusal by policy', async () => {
    const key = open(await admin.appRole('keyside'), await admin.createKey());
    await rejects(describeOnce(key), 'KEY_ACCESS_DENIED');
    await time.advance(MINUTE_MS);
    await rejects(describeOnce(key), 'KEY_ACCESS_DENIED');
    assert.equal(count(LOGIN), 1);
  });

  it('is KEY_MISCONFIGURED where the secret id is not one of the role', async () => {
    const auth = await admin.appRole('keyside');
    const error = await rejects(describeOnce(open({ ...auth, secretIdFile: auth.roleIdFile })), 'KEY_MISCONFIGURED');
    assert.match(error.message, /role id and secret id/);
  });

  it('is KEY_ACCESS_DENIED where no auth method is mounted there: Vault says no more', async () => {
    await rejects(describeOnce(open({ ...(await admin.appRole('keyside')), mount: 'elsewhere' })), 'KEY_ACCESS_DENIED');
  });

  it('takes another token as soon as the file has one, and says so when the old one is dead and there is none', async () => {
    const auth = await admin.tokenFile('keyside');
    const key = open(auth);
    await describeOnce(key);
    await admin.do('POST', 'auth/token/revoke', { token: [...tokens()][0] });
    await time.advance(MINUTE_MS);
    const error = await rejects(describeOnce(key), 'KEY_MISCONFIGURED');
    assert.match(error.message, /does not accept its token/);
    await writeFile(`${auth.file}.next`, await admin.token('keyside'));
    await rename(`${auth.file}.next`, auth.file);
    await describeOnce(key);
    assert.equal(tokens().size, 2);
  });

  describe('with a service-account token, at the JWT method, whose login has the form of the Kubernetes method', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const subject = 'system:serviceaccount:apps:keyside';
    const jwt = (change: Readonly<Record<string, unknown>> = {}) => {
      const seconds = Math.floor(Date.now() / 1_000);
      const claims = { iss: 'test', aud: ['vault'], sub: subject, iat: seconds, nbf: seconds, exp: seconds + 600, ...change };
      const text = [{ alg: 'RS256', typ: 'JWT' }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    };
    const authOf = async (token: string, role = 'keyside'): Promise<VaultAuth> => ({
      method: 'kubernetes',
      role,
      jwtFile: await admin.file(token),
      mount: 'cluster',
    });

    before(async () => {
      await admin.do('POST', 'sys/auth/cluster', { type: 'jwt' });
      const pem = publicKey.export({ type: 'spki', format: 'pem' });
      await admin.do('POST', 'auth/cluster/config', { jwt_validation_pubkeys: [pem] });
      const role = { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['vault'], bound_subject: subject };
      await admin.do('POST', 'auth/cluster/role/keyside', { ...role, token_policies: ['keyside'] });
    });

    it('logs in with the role', async () => {
      const key = guardOf(open(await authOf(jwt())));
      (await key.unwrap({ wrapped: await wrapSample(key), context: CONTEXT }, scope())).wipe();
      assert.equal(count('auth/cluster/login'), 1);
    });

    const refused = [
      { name: 'a token of another service account', auth: () => authOf(jwt({ sub: 'system:serviceaccount:apps:other' })) },
      { name: 'a token that has ended', auth: () => authOf(jwt({ exp: 1_000_000_000, iat: 999_999_000, nbf: 999_999_000 })) },
      { name: 'a token that is none', auth: () => authOf('not.a.token') },
      { name: 'a role that does not exist', auth: () => authOf(jwt(), 'nobody') },
    ];
    for (const { name, auth } of refused) {
      it(`is KEY_MISCONFIGURED with ${name}`, async () => {
        await rejects(describeOnce(open(await auth())), 'KEY_MISCONFIGURED');
      });
    }
  });

  it('works with what deploy/policies/vault/setup.sh makes, and the policy allows no more', async (t) => {
    if (!(await exists('/bin/sh'))) return t.skip('there is no /bin/sh');
    const folder = await mkdtemp(join(tmpdir(), 'keyside-vault-setup-'));
    t.after(() => rm(folder, { recursive: true }));
    const script = resolve(import.meta.dirname, '../../deploy/policies/vault/setup.sh');
    const env = { PATH: process.env.PATH, HOME: folder, BAO_ADDR: admin.url, BAO_TOKEN: ROOT_TOKEN, CLI: BAO, OUT: folder };
    for (const again of [false, true]) await promisify(execFile)('/bin/sh', [script], { env: { ...env, ROUND: String(again) } });
    const [roleIdFile, secretIdFile] = [join(folder, 'role-id'), join(folder, 'secret-id')];
    const key = guardOf(open({ method: 'approle', roleIdFile, secretIdFile, mount: 'approle' }, 'keyside-acme'));
    (await key.unwrap({ wrapped: await wrapSample(key), context: CONTEXT }, scope())).wipe();
    assert.equal((await key.describe(scope())).state, 'enabled');
    const token = [...tokens()][0] ?? '';
    const status = async (method: string, path: string, body?: Readonly<Record<string, unknown>>) =>
      (await admin.ask({ method, path, body, token })).status;
    const plaintext = Buffer.alloc(32).toString('base64');
    assert.deepEqual(
      [
        await status('POST', 'transit/encrypt/keyside-acme', { plaintext }),
        await status('POST', 'transit/keys/keyside-acme/rotate', {}),
        await status('GET', 'transit/export/encryption-key/keyside-acme'),
        await status('POST', `transit/encrypt/${keyName}`, { plaintext, associated_data: 'YQ==' }),
        await status('LIST', 'transit/keys'),
      ],
      [403, 403, 403, 403, 403],
    );
  });
});
