import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { encodeWrapContext } from '../../src/core/encryption-context.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import type { Guard } from '../../src/kms/guard.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import type { VaultSettings } from '../../src/kms/vault/config.ts';
import { shows } from '../contract/behaviours.ts';
import { CONTEXT, contextOf, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { skipOf, startCounterpart } from './harness.ts';
import { policyFor, VaultAdmin } from './vault-admin.ts';
import { openbao } from './vault-openbao.ts';
import { openVaultKey } from './vault-subject.ts';

const server = await startCounterpart(openbao());

describe('OpenBao Transit', { skip: skipOf(server) }, () => {
  const admin = new VaultAdmin('url' in server ? server.url : '');
  const opened: KmsKey[] = [];
  before(() => admin.setUp());
  after(async () => {
    await Promise.all(opened.map((key) => key.close()));
    await admin.close();
  });

  async function guardFor(
    keyName: string,
    change: Partial<VaultSettings> & { policy?: string; at?: VaultAdmin } = {},
  ): Promise<Guard> {
    const { policy = policyFor(keyName), at = admin, ...settings } = change;
    const name = `policy-${randomUUID()}`;
    await at.writePolicy(name, policy);
    const key = openVaultKey({ address: admin.url, keyName, auth: await at.tokenFile(name), ...settings });
    opened.push(key);
    return guardOf(key, { maxAttempts: 1 });
  }
  const unwrap = async (guard: Guard, wrapped: Awaited<ReturnType<typeof wrapSample>>) =>
    (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();

  it('refuses versions below min_decryption_version, and those alone: KEY_REVOKED for the version', async () => {
    const keyName = await admin.createKey();
    const guard = await guardFor(keyName);
    const old = await wrapSample(guard);
    await admin.rotate(keyName);
    const young = await wrapSample(guard);
    await admin.decryptFrom(keyName, 2);
    const error = await rejects(unwrap(guard, old), 'KEY_REVOKED');
    assert.equal(error.details.scope, 'version');
    await unwrap(guard, young);
    assert.equal((await wrapSample(guard)).keyVersion, '2');
    assert.match((await guard.describe(scope())).detail, /decrypts from version 2$/);
    await admin.decryptFrom(keyName, 1);
    await unwrap(guard, old);
  });

  it('forgets a deleted key: KEY_REVOKED for a daemon that used it, KEY_NOT_FOUND for one that never saw it', async (t) => {
    shows(t, 'deleted');
    const keyName = await admin.createKey();
    const [user, stranger] = [await guardFor(keyName), await guardFor(keyName)];
    const wrapped = await wrapSample(user);
    await admin.delete(keyName);
    for (const attempt of [() => unwrap(user, wrapped), () => wrapSample(user)]) {
      const error = await rejects(attempt(), 'KEY_REVOKED');
      assert.equal(error.details.scope, 'key');
    }
    assert.equal((await user.describe(scope())).state, 'destroyed');
    await rejects(unwrap(stranger, wrapped), 'KEY_NOT_FOUND');
    await rejects(wrapSample(stranger), 'KEY_NOT_FOUND');
  });

  it('refuses by policy: KEY_ACCESS_DENIED, since no state confirms more', async (t) => {
    shows(t, 'refused');
    const keyName = await admin.createKey();
    const wrapped = await wrapSample(await guardFor(keyName));
    const reader = await guardFor(keyName, { policy: `path "transit/keys/${keyName}" { capabilities = ["read"] }` });
    assert.match((await rejects(unwrap(reader, wrapped), 'KEY_ACCESS_DENIED')).message, /although the key is enabled/);
    const nobody = await guardFor(keyName, { policy: 'path "sys/none" { capabilities = ["read"] }' });
    assert.match((await rejects(unwrap(nobody, wrapped), 'KEY_ACCESS_DENIED')).message, /could not be confirmed/);
    await rejects(wrapSample(nobody), 'KEY_ACCESS_DENIED');
    await rejects(nobody.describe(scope()), 'KEY_ACCESS_DENIED');
  });

  it('can be held to one tenant and configuration by the policy itself', async () => {
    const keyName = await admin.createKey();
    const only = Buffer.from(encodeWrapContext(CONTEXT)).toString('base64');
    const pinned = ['encrypt', 'decrypt'].map(
      (call) => `path "transit/${call}/${keyName}" {
        capabilities = ["update"]
        allowed_parameters = { "associated_data" = ["${only}"], "*" = [] }
      }`,
    );
    const policy = `${pinned.join('\n')} path "transit/keys/${keyName}" { capabilities = ["read"] }`;
    const guard = await guardFor(keyName, { policy });
    await unwrap(guard, await wrapSample(guard));
    await rejects(wrapSample(guard, contextOf({ tenantId: parseTenantId('globex') })), 'KEY_ACCESS_DENIED');
  });

  it('is dark while an administrator has locked the namespace: KEY_REVOKED, and a state for describe', async () => {
    const team = await admin.namespace('locked');
    const keyName = await team.createKey();
    const guard = await guardFor(keyName, { namespace: 'locked', at: team });
    const wrapped = await wrapSample(guard);
    await admin.do('POST', 'sys/namespaces/api-lock/lock/locked', {});
    await rejects(unwrap(guard, wrapped), 'KEY_REVOKED');
    assert.equal((await guard.describe(scope())).state, 'disabled');
    await admin.do('POST', 'sys/namespaces/api-lock/unlock/locked', {});
    await unwrap(guard, wrapped);
  });

  it('throttles by a rate-limit quota: KMS_THROTTLED with the time it asks for', async (t) => {
    shows(t, 'throttled');
    await admin.do('POST', 'sys/mounts/limited', { type: 'transit' });
    await admin.do('POST', 'limited/keys/main', {});
    await admin.do('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true });
    await admin.do('POST', 'sys/quotas/rate-limit/limited', { path: 'limited/', rate: 1, interval: '60s' });
    const guard = await guardFor('main', { mount: 'limited', policy: 'path "limited/*" { capabilities = ["read", "update"] }' });
    await guard.describe(scope());
    const { retryAfterMs = 0 } = await rejects(guard.describe(scope()), 'KMS_THROTTLED');
    assert.ok(retryAfterMs > 1_000 && retryAfterMs <= 60_000, `${retryAfterMs}`);
  });

  const misfits = [
    { name: 'an RSA key', settings: { type: 'rsa-2048' } },
    { name: 'a key for signing', settings: { type: 'ed25519' } },
    { name: 'a key of 128 bits', settings: { type: 'aes128-gcm96' } },
    { name: 'a derived key', settings: { derived: true } },
  ];
  for (const { name, settings } of misfits) {
    it(`with ${name} is KEY_MISCONFIGURED, and nothing is sent to be wrapped`, async () => {
      const guard = await guardFor(await admin.createKey(settings));
      await rejects(guard.describe(scope()), 'KEY_MISCONFIGURED');
      await rejects(wrapSample(guard), 'KEY_MISCONFIGURED');
      const wrapped = { algorithm: 1, keyVersion: '1', ciphertext: new Uint8Array(60) } as const;
      await rejects(unwrap(guard, wrapped), settings.type === 'aes128-gcm96' ? 'CIPHERTEXT_REJECTED' : 'KEY_MISCONFIGURED');
    });
  }

  it('takes a key of xchacha20-poly1305', async () => {
    const guard = await guardFor(await admin.createKey({ type: 'xchacha20-poly1305' }));
    await unwrap(guard, await wrapSample(guard));
  });

  it('is not told a data key where a key-value engine is mounted instead', async () => {
    await admin.do('POST', 'sys/mounts/kv', { type: 'kv' });
    const guard = await guardFor('main', { mount: 'kv', policy: 'path "kv/*" { capabilities = ["create", "read", "update"] }' });
    await rejects(wrapSample(guard), 'KEY_NOT_FOUND');
    assert.equal((await admin.ask({ method: 'GET', path: 'kv/encrypt/main' })).status, 404);
  });

  it('that is not mounted there, or not in that namespace, is KEY_NOT_FOUND', async () => {
    const guard = await guardFor('main', {
      mount: 'elsewhere',
      policy: 'path "elsewhere/*" { capabilities = ["read", "update"] }',
    });
    await rejects(wrapSample(guard), 'KEY_NOT_FOUND');
    await rejects((await guardFor('main', { namespace: 'nowhere' })).describe(scope()), 'KEY_NOT_FOUND');
  });

  it('that is sealed is weather', async () => {
    const guard = await guardFor(await admin.createKey());
    const wrapped = await wrapSample(guard);
    await admin.do('POST', 'sys/seal', {});
    for (const attempt of [() => unwrap(guard, wrapped), () => wrapSample(guard), () => guard.describe(scope())]) {
      await rejects(attempt(), 'KMS_UNAVAILABLE');
    }
  });
});
