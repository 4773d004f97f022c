import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { kmsContract } from '../contract/kms-contract.ts';
import { skipOf, startCounterpart } from './harness.ts';
import { VaultAdmin } from './vault-admin.ts';
import { openbao } from './vault-openbao.ts';
import { vaultSubject } from './vault-subject.ts';

const NOT_APPLICABLE = {
  scheduleDeletion: 'Transit deletes at once or not at all',
  throttled: 'a rate-limit quota holds for the whole mount: test/counterparts/vault-refusals.test.ts sets one',
};

/** The server's own policies refuse. */
const HOW = { refused: 'real' } as const;

const server = await startCounterpart(openbao());

if ('url' in server) {
  const admin = new VaultAdmin(server.url);
  await admin.setUp();
  const inTeam = await admin.namespace('team');
  after(() => admin.close());
  selfCheck(admin);
  kmsContract('OpenBao Transit, aes256-gcm96 by AppRole', {
    open: () => vaultSubject(admin, { type: 'aes256-gcm96', auth: (policy) => admin.appRole(policy) }),
    notApplicable: NOT_APPLICABLE,
    how: HOW,
  });
  kmsContract('OpenBao Transit, chacha20-poly1305 in a namespace by token file', {
    open: () =>
      vaultSubject(inTeam, { type: 'chacha20-poly1305', namespace: 'team', auth: (policy) => inTeam.tokenFile(policy) }),
    notApplicable: NOT_APPLICABLE,
    how: HOW,
  });
} else {
  it('OpenBao Transit', { skip: skipOf(server) }, () => undefined);
}

/** What the counterpart must show before anything it says of Keyside counts. */
function selfCheck(admin: VaultAdmin): void {
  describe('OpenBao itself', () => {
    const plaintext = Buffer.alloc(32).toString('base64');
    const [associated_data, other] = ['acme', 'globex'].map((text) => Buffer.from(text).toString('base64'));
    const refusalOf = async (path: string, body: Readonly<Record<string, unknown>>) => {
      const { status, json } = await admin.ask({ method: 'POST', path, body });
      return `${status} ${(json.errors as string[] | undefined)?.join(' ')}`;
    };

    it('refuses a soft-deleted key, and other associated data or none', async () => {
      const key = await admin.createKey();
      const { ciphertext } = await admin.do('POST', `transit/encrypt/${key}`, { plaintext, associated_data });
      const decrypt = (data?: string) => refusalOf(`transit/decrypt/${key}`, { ciphertext, associated_data: data });
      assert.equal(await decrypt(other), '400 cipher: message authentication failed');
      assert.equal(await decrypt(), '400 cipher: message authentication failed');
      await admin.softDelete(key);
      assert.equal(await decrypt(associated_data), '400 refusing to use soft-deleted key');
      assert.equal((await admin.do('GET', `transit/keys/${key}`)).soft_deleted, true);
    });

    it('has a limited token that may do nothing but what its policy says', async () => {
      const [mine, foreign] = [await admin.createKey(), await admin.createKey()];
      await admin.writePolicy('self-check', `path "transit/encrypt/${mine}" { capabilities = ["update"] }`);
      const token = await admin.token('self-check');
      const encrypt = async (key: string) =>
        (await admin.ask({ method: 'POST', path: `transit/encrypt/${key}`, body: { plaintext, associated_data }, token })).status;
      assert.deepEqual([await encrypt(mine), await encrypt(foreign)], [200, 403]);
    });
  });
}
