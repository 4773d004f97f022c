import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import type { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { pkcs11SettingsSchema } from '../../../../src/kms/pkcs11/config.ts';
import { FoundFault } from '../../../../src/kms/pkcs11/found-fault.ts';
import { ModuleProcess } from '../../../../src/kms/pkcs11/module-process.ts';
import { ProcessTrouble } from '../../../../src/kms/pkcs11/process-trouble.ts';
import { pkcs11Provider } from '../../../../src/kms/pkcs11/provider.ts';
import { CONTEXT, rejects, sample, scope } from '../../../contract/kms-calls.ts';
import { FakeTimer } from '../../../fakes/kms-timer.ts';

const NOWHERE = '/nowhere/module.so';

describe('a key in an HSM', () => {
  let pinFile: string;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyside-pkcs11-unit-'));
    pinFile = join(folder, 'pin');
    await writeFile(pinFile, '1234');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const open = (change: object = {}, originKeys: readonly SecretBytes[] = []): KmsKey => {
    const least = { module: NOWHERE, token: { label: 'keyside' }, key: { id: '01' }, pinFile };
    const provider = pkcs11Provider({ timer: new FakeTimer(), originKeys });
    return provider.open(parseKeyConfigurationId('acme-main'), pkcs11SettingsSchema.parse({ ...least, ...change }));
  };
  const { signal } = scope();

  it('accepts what its settings list, and an empty version alone', async () => {
    const key = open({ acceptedAlgorithms: ['aes-gcm'] });
    assert.ok(key.accepts({ algorithm: 4, keyVersion: '' }));
    assert.ok(key.accepts({ algorithm: 3, keyVersion: '' }));
    for (const algorithm of [1, 2, 5] as const) assert.ok(!key.accepts({ algorithm, keyVersion: '' }));
    assert.ok(!key.accepts({ algorithm: 4, keyVersion: '1' }));
    await key.close();
  });

  it('is proven by a wrap where it is secret, and not where anyone can wrap', async () => {
    const [secret, rsa] = [open(), open({ keyClass: 'rsa' })];
    assert.equal(secret.provenByWrap, true);
    assert.equal(rsa.provenByWrap, false);
    await Promise.all([secret.close(), rsa.close()]);
  });

  it('of class rsa is KEY_MISCONFIGURED without an origin key, before anything is started', async () => {
    const key = open({ keyClass: 'rsa' });
    using dataKey = sample();
    const error = await rejects(key.wrap({ dataKey, context: CONTEXT }, signal), 'KEY_MISCONFIGURED');
    assert.match(error.message, /originKeyFile/);
    const wrapped = { algorithm: 2, keyVersion: '', ciphertext: new Uint8Array(256) } as const;
    await rejects(key.unwrap({ wrapped, context: CONTEXT }, signal), 'KEY_MISCONFIGURED');
    await key.close();
  });

  it('is KEY_MISCONFIGURED where its module or the means to load it are missing, and says which', async () => {
    const key = open();
    const error = await rejects(key.describe(signal), 'KEY_MISCONFIGURED');
    assert.match(error.message, /install|cannot be loaded/);
    await key.close();
  });

  it('is never asked to unwrap what its settings do not accept', async () => {
    const key = open();
    const wrapped = { algorithm: 3, keyVersion: '', ciphertext: new Uint8Array(60) } as const;
    await rejects(key.unwrap({ wrapped, context: CONTEXT }, signal), 'CIPHERTEXT_REJECTED');
    await key.close();
  });
});

describe('the process of a module', () => {
  it('is started at once after the first failure, then after rests that double', async () => {
    const timer = new FakeTimer();
    const process = new ModuleProcess({ module: NOWHERE, initString: undefined }, timer);
    const rest = async (): Promise<number> =>
      process.link().then(
        () => assert.fail('it started'),
        (error: unknown) => {
          if (error instanceof ProcessTrouble) return error.ms;
          assert.ok(error instanceof FoundFault, String(error));
          return 0;
        },
      );
    assert.equal(await rest(), 0);
    assert.equal(await rest(), 0);
    for (const expectedMs of [200, 400, 800]) {
      assert.equal(await rest(), expectedMs);
      await timer.advance(expectedMs - 1);
      assert.equal(await rest(), 1);
      await timer.advance(1);
      assert.equal(await rest(), 0, 'it was tried again');
    }
    process.close();
    await assert.rejects(process.link(), ProcessTrouble);
  });
});
