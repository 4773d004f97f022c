import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GcpCredentialsError } from '../../../../src/kms/gcp/credential-errors.ts';
import { ClientIdentity, type TokenClient, unlessAborted } from '../../../../src/kms/gcp/identity.ts';

const sound: TokenClient = { getRequestHeaders: async () => new Headers({ authorization: 'Bearer sound' }) };
const hanging: TokenClient = { getRequestHeaders: () => new Promise(() => undefined) };
const failing: TokenClient = { getRequestHeaders: () => Promise.reject(new Error('not now')) };

describe('an identity from a client of the SDK', () => {
  for (const { name, first, reason } of [
    { name: 'hangs', first: hanging, reason: 'KMS_TIMEOUT' },
    { name: 'fails', first: failing, reason: 'KEY_MISCONFIGURED' },
  ]) {
    it(`does not keep a client that ${name}`, async () => {
      const clients = [first, sound];
      const identity = new ClientIdentity(
        async () => clients.shift() ?? assert.fail('a third client was made'),
        async () => '',
        5,
      );
      const error = await identity.headers().catch((thrown: unknown) => thrown);
      assert.ok(error instanceof GcpCredentialsError);
      assert.equal(error.failure.reason, reason);
      assert.deepEqual(await identity.headers(), { authorization: 'Bearer sound' });
      assert.deepEqual(await identity.headers(), { authorization: 'Bearer sound' });
    });
  }
});

describe('work under a signal', () => {
  it('is not begun where the signal has aborted already', async () => {
    await assert.rejects(
      unlessAborted(() => assert.fail('begun'), AbortSignal.abort(new Error('gone'))),
      /gone/,
    );
  });

  it('is left behind when the signal aborts', async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(() => new Promise(() => undefined), controller.signal);
    controller.abort(new Error('gone'));
    await assert.rejects(waiting, /gone/);
  });
});
