import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { vaultSettingsSchema } from '../../../../src/kms/vault/config.ts';
import { LOGIN_ERRORS, TLS_ERRORS, TRANSIT_ERRORS } from '../../../../src/kms/vault/error-table.ts';
import { failureOf } from '../../../../src/kms/vault/errors.ts';
import { vaultProvider } from '../../../../src/kms/vault/provider.ts';
import { contextOf, guardOf, rejects, scope, wrapSample } from '../../../contract/kms-calls.ts';
import { credentialFile, keyFacts, soundTransit, TOKEN, WRAPPED } from './vault-samples.ts';
import { refusal, type StubAnswer, success, VaultStub } from './vault-stub.ts';

const CONTEXT = contextOf();
const LOOK_UP = 'auth/token/lookup-self';

describe('what Vault answers becomes a reason of ours:', () => {
  let stub: VaultStub;
  let key: KmsKey;
  let roleIdFile: string;
  const opened: KmsKey[] = [];

  before(async () => {
    stub = await VaultStub.start();
    roleIdFile = await credentialFile('a-role-id');
  });
  after(async () => {
    await Promise.all(opened.map((each) => each.close()));
    await stub.stop();
  });
  beforeEach(async () => {
    stub.requests.splice(0);
    key = await open({ method: 'token-file', file: await credentialFile(TOKEN) });
  });

  async function open(auth: unknown): Promise<KmsKey> {
    const settings = vaultSettingsSchema.parse({ address: stub.url, keyName: 'acme', auth });
    const made = vaultProvider().open(parseKeyConfigurationId('acme-main'), settings);
    opened.push(made);
    return made;
  }
  const unwrap = () => guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope());
  /** To the call, to the question whether the token is valid, and to the reading of the key. */
  const refuse = (answer: StubAnswer, facts: StubAnswer) =>
    stub.answer(({ path }) => {
      if (path === LOOK_UP) return success({ ttl: 100 });
      return path.startsWith('transit/keys/') ? facts : answer;
    });

  for (const { status, sample, reason, isToConfirm } of TRANSIT_ERRORS) {
    if (isToConfirm === true) continue;
    it(`HTTP ${status} "${sample}" of Transit is ${reason}`, async () => {
      stub.answer(() => refusal(status, sample));
      const error = await rejects(unwrap(), reason);
      assert.equal(stub.requests.length, 1, 'nothing is asked twice');
      if (reason !== 'CIPHERTEXT_REJECTED') assert.ok(error.message.endsWith(`(HTTP ${status})`), error.message);
    });
  }

  for (const { status, sample, reason } of LOGIN_ERRORS) {
    it(`HTTP ${status} "${sample}" of a login is ${reason}`, async () => {
      key = await open({ method: 'approle', roleIdFile, secretIdFile: roleIdFile });
      stub.answer(() => refusal(status, sample));
      await rejects(unwrap(), reason);
      assert.deepEqual(stub.paths, ['auth/approle/login']);
    });
  }

  for (const { code, sample } of TLS_ERRORS) {
    it(`${sample} of the system is KEY_MISCONFIGURED`, () => {
      assert.match(sample, code);
      assert.equal(failureOf(Object.assign(new Error('TLS'), { code: sample })).reason, 'KEY_MISCONFIGURED');
    });
  }

  const refusals = TRANSIT_ERRORS.filter(({ isToConfirm }) => isToConfirm === true);
  const states: readonly {
    readonly name: string;
    readonly facts: StubAnswer;
    readonly reason: ErrorReason;
    readonly scope?: string;
  }[] = [
    { name: 'soft-deleted', facts: keyFacts({ soft_deleted: true }), reason: 'KEY_REVOKED', scope: 'key' },
    { name: 'at a later least version', facts: keyFacts({ min_decryption_version: 4 }), reason: 'KEY_REVOKED', scope: 'version' },
    { name: 'of another kind', facts: keyFacts({ type: 'rsa-4096' }), reason: 'KEY_MISCONFIGURED' },
    { name: 'derived', facts: keyFacts({ derived: true }), reason: 'KEY_MISCONFIGURED' },
    { name: 'gone, and never seen here', facts: refusal(404), reason: 'KEY_NOT_FOUND' },
  ];
  for (const { status, sample } of refusals) {
    for (const { name, facts, reason, scope: expected } of states) {
      it(`HTTP ${status} "${sample}" of a key that is ${name} is ${reason}`, async () => {
        refuse(refusal(status, sample), facts);
        const error = await rejects(unwrap(), reason);
        assert.equal(error.details.scope, expected);
      });
    }
  }

  for (const { status, sample, reason } of refusals) {
    it(`HTTP ${status} "${sample}" is ${reason} where the key shows no cause, or cannot be read: nothing is said that was not confirmed`, async () => {
      for (const facts of [keyFacts(), refusal(403, 'permission denied'), refusal(503, 'Vault is sealed'), 'drop'] as const) {
        refuse(refusal(status, sample), facts);
        await rejects(unwrap(), reason);
      }
    });
  }

  it('a key that served and is gone was deleted: KEY_REVOKED, and a state for describe', async () => {
    stub.answer(soundTransit);
    const guard = guardOf(key, { maxAttempts: 1 });
    (await guard.unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope())).wipe();
    refuse(refusal(400, 'encryption key not found'), refusal(404));
    assert.equal((await rejects(unwrap(), 'KEY_REVOKED')).details.scope, 'key');
    await rejects(wrapSample(guard), 'KEY_REVOKED');
    assert.equal((await guard.describe(scope())).state, 'destroyed');
  });

  it('a mount that is gone proves nothing of the key', async () => {
    stub.answer(soundTransit);
    (await unwrap()).wipe();
    stub.answer(() => refusal(404, 'no handler for route "transit/decrypt/acme". route entry not found.'));
    await rejects(unwrap(), 'KEY_NOT_FOUND');
    await rejects(guardOf(key).describe(scope()), 'KEY_NOT_FOUND');
  });

  const answers: readonly { readonly name: string; readonly answer: StubAnswer; readonly reason: ErrorReason }[] = [
    { name: 'a refusal unknown to us with status 400', answer: refusal(400, 'new'), reason: 'KEY_MISCONFIGURED' },
    { name: 'status 413', answer: { status: 413, body: 'too large' }, reason: 'KEY_MISCONFIGURED' },
    { name: 'status 500', answer: refusal(500, '1 error occurred: * storage'), reason: 'KMS_UNAVAILABLE' },
    {
      name: "a proxy's page with status 502",
      answer: { status: 502, body: '<html>bad gateway</html>' },
      reason: 'KMS_UNAVAILABLE',
    },
    { name: "a proxy's page with status 200", answer: { body: '<html>log in</html>' }, reason: 'KMS_UNAVAILABLE' },
    {
      name: 'a redirect that stays',
      answer: { status: 301, headers: { location: 'https://elsewhere.example/' } },
      reason: 'KEY_MISCONFIGURED',
    },
    {
      name: 'a redirect of a standby node',
      answer: { status: 307, headers: { location: 'https://elsewhere.example/' } },
      reason: 'KMS_UNAVAILABLE',
    },
    { name: 'a connection that is dropped', answer: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'nothing, with status 204', answer: { status: 204 }, reason: 'KMS_UNAVAILABLE' },
    { name: 'an answer without data', answer: { body: {} }, reason: 'KMS_UNAVAILABLE' },
    { name: 'an answer without a plaintext', answer: success({ plaintext: null }), reason: 'KMS_UNAVAILABLE' },
    { name: 'a plaintext that is not base64', answer: success({ plaintext: '!' }), reason: 'KMS_UNAVAILABLE' },
    { name: 'an answer beyond 64 KiB', answer: success({ plaintext: 'A'.repeat(65_536) }), reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, answer, reason } of answers) {
    it(`${name} is ${reason}, and nobody else is asked`, async () => {
      stub.answer(() => answer);
      await rejects(unwrap(), reason);
      assert.equal(stub.requests.length, 1);
    });
  }

  it('a Retry-After is handed on', async () => {
    stub.answer(() => ({ status: 429, headers: { 'retry-after': '7' }, body: { errors: ['rate limit quota exceeded'] } }));
    assert.equal((await rejects(unwrap(), 'KMS_THROTTLED')).retryAfterMs, 7_000);
  });

  it('no error holds what a server echoes of tokens and data keys', async () => {
    const secret = Buffer.alloc(32, 200).toString('base64');
    for (const status of [400, 403, 500]) {
      refuse(refusal(status, `cannot use ${TOKEN} on {"plaintext":"${secret}"}`), 'drop');
      const error = await unwrap().then(
        () => assert.fail('it succeeded'),
        (thrown: Error) => thrown,
      );
      const causes = [error, error.cause, ...(error.cause instanceof AggregateError ? error.cause.errors : [])];
      const text = causes.map((each) => `${each} ${JSON.stringify(each)}`).join('\n');
      assert.match(text, /cannot use …/);
      for (const echoed of [TOKEN, secret]) assert.ok(!text.includes(echoed), text);
    }
  });
});
