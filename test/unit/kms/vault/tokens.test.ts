import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { KeysideError } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { vaultSettingsSchema } from '../../../../src/kms/vault/config.ts';
import { vaultProvider } from '../../../../src/kms/vault/provider.ts';
import { guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { FakeTimer, settled } from '../../../fakes/kms-timer.ts';
import { credentialFile, keyFacts, TOKEN } from './vault-samples.ts';
import { type Answering, loggedIn, refusal, type StubAnswer, success, VaultStub } from './vault-stub.ts';

const LOGIN = 'auth/approle/login';
const RENEWAL = 'auth/token/renew-self';
const LOOK_UP = 'auth/token/lookup-self';
const KEY = 'transit/keys/acme';
const SECOND_MS = 1_000;

describe('the token of a Vault key', () => {
  let stub: VaultStub;
  let time: FakeTimer;
  let ids: { readonly roleIdFile: string; readonly secretIdFile: string };
  const opened: KmsKey[] = [];

  before(async () => {
    stub = await VaultStub.start();
    ids = { roleIdFile: await credentialFile('the-role-id'), secretIdFile: await credentialFile('the-secret-id\n') };
  });
  after(async () => {
    await Promise.all(opened.map((key) => key.close()));
    await stub.stop();
  });
  beforeEach(() => {
    stub.requests.splice(0);
    time = new FakeTimer();
  });

  function open(auth: Readonly<Record<string, unknown>> = { method: 'approle', ...ids }): KmsKey {
    const settings = vaultSettingsSchema.parse({ address: stub.url, keyName: 'acme', auth });
    const key = vaultProvider(time).open(parseKeyConfigurationId('acme-main'), settings);
    opened.push(key);
    return key;
  }
  const ask = (key: KmsKey) => guardOf(key, { maxAttempts: 1 }).describe(scope());
  const count = (path: string) => stub.paths.filter((seen) => seen === path).length;

  /** By path; the key can always be read unless said otherwise. Tokens are numbered. */
  function answers(byPath: Readonly<Record<string, StubAnswer | Answering>>): void {
    let logins = 0;
    const usual: Readonly<Record<string, Answering>> = {
      [KEY]: () => keyFacts(),
      [LOGIN]: () => {
        logins += 1;
        return loggedIn(`${TOKEN}-${logins}`, 1_200);
      },
    };
    stub.answer((request) => {
      const answer = byPath[request.path] ?? usual[request.path];
      if (answer === undefined) return { status: 501, body: { errors: [`no answer to ${request.path}`] } };
      return typeof answer === 'function' ? answer(request) : answer;
    });
  }
  const usedTokens = () => stub.requests.filter(({ path }) => path === KEY).map(({ token }) => token?.replace(`${TOKEN}-`, ''));

  it('comes from a role id and a secret id', async () => {
    answers({});
    await ask(open());
    const { method, path, body, token } = stub.requests[0] ?? {};
    assert.deepEqual(
      [method, path, body, token],
      ['POST', LOGIN, { role_id: 'the-role-id', secret_id: 'the-secret-id' }, undefined],
    );
  });

  it('comes from a service-account token, which is read again at every login', async () => {
    const jwtFile = await credentialFile('eyJhbGciOiJSUzI1NiJ9.e30.first');
    answers({ 'auth/kubernetes/login': loggedIn(TOKEN, 60) });
    const key = open({ method: 'kubernetes', role: 'keyside', jwtFile });
    await ask(key);
    await writeFile(jwtFile, 'eyJhbGciOiJSUzI1NiJ9.e30.second');
    await time.advance(60 * SECOND_MS);
    await ask(key);
    assert.deepEqual(
      stub.requests.filter(({ path }) => path === 'auth/kubernetes/login').map(({ body }) => body),
      ['first', 'second'].map((signature) => ({ role: 'keyside', jwt: `eyJhbGciOiJSUzI1NiJ9.e30.${signature}` })),
    );
  });

  it('serves for ever where its life is 0 seconds', async () => {
    answers({ [LOGIN]: loggedIn(TOKEN, 0) });
    const key = open();
    await ask(key);
    await time.advance(1e9 * SECOND_MS);
    await ask(key);
    assert.equal(count(LOGIN), 1);
  });

  it('is replaced by a login after two thirds of its life where it cannot be renewed, while it still serves', async () => {
    let logins = 0;
    answers({
      [LOGIN]: () => {
        logins += 1;
        return logins === 1 ? loggedIn(`${TOKEN}-1`, 1_200, false) : 'hang';
      },
    });
    const key = open();
    await ask(key);
    await time.advance(800 * SECOND_MS);
    await ask(key);
    while (count(LOGIN) < 2) await settled();
    await ask(key);
    assert.deepEqual([count(LOGIN), count(RENEWAL)], [2, 0]);
    assert.deepEqual(usedTokens(), ['1', '1', '1']);
  });

  it('is replaced by a login where its renewal is refused', async () => {
    answers({ [RENEWAL]: refusal(403, 'permission denied') });
    const key = open();
    await ask(key);
    await time.advance(800 * SECOND_MS);
    await ask(key);
    while (count(LOGIN) < 2) await settled();
    await settled();
    await ask(key);
    assert.deepEqual(usedTokens(), ['1', '1', '2']);
  });

  it('goes on serving where its renewal fails, and the next is tried after a pause', async () => {
    answers({ [RENEWAL]: refusal(503, 'Vault is sealed') });
    const key = open();
    await ask(key);
    await time.advance(800 * SECOND_MS);
    await ask(key);
    await stub.reached(RENEWAL);
    await settled();
    await settled();
    await ask(key);
    assert.equal(count(RENEWAL), 1);
    await time.advance(10 * SECOND_MS);
    await ask(key);
    assert.deepEqual([count(RENEWAL), count(LOGIN)], [2, 1]);
    assert.deepEqual(usedTokens(), ['1', '1', '1', '1']);
  });

  it('is not renewed again where a renewal gave far less than the login: its end is near', async () => {
    answers({ [RENEWAL]: loggedIn(`${TOKEN}-1`, 120) });
    const key = open();
    await ask(key);
    await time.advance(800 * SECOND_MS);
    await ask(key);
    await stub.reached(RENEWAL);
    await settled();
    await time.advance(80 * SECOND_MS);
    await ask(key);
    while (count(LOGIN) + count(RENEWAL) < 3) await settled();
    assert.deepEqual([count(LOGIN), count(RENEWAL)], [2, 1]);
  });

  it('is waited for no longer than the caller wants, and by the others as long as they want', async () => {
    const login = Promise.withResolvers<StubAnswer>();
    answers({ [LOGIN]: () => login.promise });
    const key = open();
    const caller = new AbortController();
    const impatient = rejects(key.describe(caller.signal), 'CANCELLED');
    const patient = key.describe(scope().signal);
    await stub.reached(LOGIN);
    caller.abort(new KeysideError('CANCELLED', 'the caller cancelled'));
    await impatient;
    login.resolve(loggedIn(TOKEN, 1_200));
    assert.equal((await patient).state, 'enabled');
    assert.equal(count(LOGIN), 1);
  });

  it('is waited for five seconds, and then it is the time that was up', async () => {
    answers({ [LOGIN]: 'hang' });
    const asking = rejects(ask(open()), 'KMS_TIMEOUT');
    await stub.reached(LOGIN);
    await time.advance(5 * SECOND_MS);
    assert.match((await asking).message, /a login to Vault was not answered within 5000 ms/);
    assert.equal(time.pending, 0);
  });

  it('is waited for no longer than the key is open', async () => {
    answers({ [LOGIN]: 'hang' });
    const key = open();
    const asking = rejects(ask(key), 'KMS_UNAVAILABLE');
    await stub.reached(LOGIN);
    await key.close();
    await asking;
  });

  it('is looked at once in ten seconds where calls are refused, and no login follows while it is valid', async () => {
    answers({ [KEY]: refusal(403, 'permission denied'), [LOOK_UP]: success({ ttl: 1_000 }) });
    const key = open();
    for (let call = 0; call < 3; call += 1) await rejects(ask(key), 'KEY_ACCESS_DENIED');
    assert.deepEqual([count(LOOK_UP), count(LOGIN)], [1, 1]);
    await time.advance(10 * SECOND_MS);
    await rejects(ask(key), 'KEY_ACCESS_DENIED');
    assert.deepEqual([count(LOOK_UP), count(LOGIN)], [2, 1]);
  });

  it('that may not look at itself is replaced at most once in ten seconds', async () => {
    answers({ [KEY]: refusal(403, 'permission denied'), [LOOK_UP]: refusal(403, 'permission denied') });
    const key = open();
    for (let call = 0; call < 3; call += 1) await rejects(ask(key), 'KEY_ACCESS_DENIED');
    assert.equal(count(LOGIN), 1);
    await time.advance(10 * SECOND_MS);
    for (let call = 0; call < 3; call += 1) await rejects(ask(key), 'KEY_ACCESS_DENIED');
    assert.equal(count(LOGIN), 2);
  });

  it('stands where it cannot be looked at: a refusal stays a refusal', async () => {
    answers({ [KEY]: refusal(403, 'permission denied'), [LOOK_UP]: refusal(503, 'Vault is sealed') });
    await rejects(ask(open()), 'KEY_ACCESS_DENIED');
    assert.equal(count(LOGIN), 1);
  });

  const odd: readonly { readonly name: string; readonly answer: StubAnswer }[] = [
    { name: 'no token', answer: success({}) },
    { name: 'an empty token', answer: loggedIn('', 1_200) },
    { name: 'a life below zero', answer: loggedIn(TOKEN, -1) },
  ];
  for (const { name, answer } of odd) {
    it(`is not taken from a login that answers with ${name}`, async () => {
      answers({ [LOGIN]: answer });
      await rejects(ask(open()), 'KMS_UNAVAILABLE');
      assert.equal(count(KEY), 0);
    });
  }

  const files = [
    { name: 'is not there', text: undefined, code: /ENOENT/ },
    { name: 'is empty', text: ' \n', code: /empty/ },
    { name: 'has two lines', text: 'hvs.SECRET\nx-vault-namespace: root', code: /one line/ },
    { name: 'is not ASCII', text: 'hvs.SECRETé', code: /ASCII/ },
    { name: 'is too large', text: 'SECRET'.repeat(3_000), code: /larger than 16384/ },
  ];
  for (const { name, text, code } of files) {
    it(`from a file that ${name} is KEY_MISCONFIGURED, in words that name the setting and not what is in it`, async () => {
      answers({});
      const file = text === undefined ? '/nonexistent/credential' : await credentialFile(text);
      const settings = [
        { setting: 'auth.file', auth: { method: 'token-file', file } },
        { setting: 'auth.secretIdFile', auth: { method: 'approle', ...ids, secretIdFile: file } },
        { setting: 'auth.jwtFile', auth: { method: 'kubernetes', role: 'keyside', jwtFile: file } },
      ];
      for (const { setting, auth } of settings) {
        const error = await rejects(ask(open(auth)), 'KEY_MISCONFIGURED');
        assert.ok(error.message.includes(setting), error.message);
        assert.match(error.message, code);
        assert.doesNotMatch(`${error.message} ${JSON.stringify(error.details)} ${error.cause}`, /SECRET/);
      }
      assert.equal(stub.requests.length, 0);
    });
  }
});
