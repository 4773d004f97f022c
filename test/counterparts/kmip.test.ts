import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import type { ErrorReason } from '../../src/core/errors.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import type { KmipSettings } from '../../src/kms/kmip/config.ts';
import { type KmipOperation, KmipRefusal } from '../../src/kms/kmip/messages.ts';
import { decryptOperation, encryptOperation } from '../../src/kms/kmip/operations.ts';
import type { KmipTarget } from '../../src/kms/kmip/tls.ts';
import { CONTEXT, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { kmsContract } from '../contract/kms-contract.ts';
import { Authority, writeCertificate } from '../unit/kms/kmip/certificates.ts';
import { run, startCounterpart } from './harness.ts';
import { KmipAdmin } from './kmip-admin.ts';
import { KmipProxy, withState } from './kmip-proxy.ts';
import { kmipCertificates, PYKMIP_PYTHON, pykmip } from './kmip-pykmip.ts';
import { contractByIdentifier, contractByName, type KmipWorld, openKey } from './kmip-subject.ts';

const certificates = await kmipCertificates();
after(() => rm(certificates.folder, { recursive: true }));
const started = await startCounterpart(pykmip(certificates));

if ('url' in started) {
  const address = { host: '127.0.0.1', port: Number(new URL(started.url).port), caFile: certificates.caFile };
  const admin = new KmipAdmin({ ...address, ...certificates.administrator });
  after(() => admin.close());
  const world = { certificates, admin, target: { ...address, ...certificates.daemon } };
  selfCheck(world);
  kmsContract('KMIP (PyKMIP), key by Unique Identifier', contractByIdentifier(world));
  kmsContract('KMIP (PyKMIP), key by name', contractByName(world));
  statesAndRights(world);
  certificatesAndNames(world);
  administratorsScript(world);
} else {
  it('KMIP', { skip: started.missing }, () => undefined);
}

/** What the counterpart must show before anything it says of Keyside counts. */
function selfCheck({ admin }: KmipWorld): void {
  describe('PyKMIP itself', () => {
    const additionalData = Buffer.from('acme');
    const encrypt = async (uid: string) => {
      using plaintext = SecretBytes.own(randomBytes(32));
      const { iv, ciphertext, tag } = await ask(encryptOperation(uid, { iv: undefined, additionalData, plaintext }));
      return { iv: iv ?? new Uint8Array(), ciphertext, tag: tag ?? new Uint8Array(), additionalData };
    };
    const ask = <Reply>(operation: KmipOperation<Reply>): Promise<Reply> =>
      admin.server.ask(operation, { signal: new AbortController().signal, lane: '' });
    const reasonOf = async (promise: Promise<unknown>): Promise<number | undefined> => {
      const error = await promise.then(
        () => assert.fail('it succeeded'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof KmipRefusal, String(error));
      return error.resultReason;
    };

    it('refuses to decrypt under a deactivated key, which KMIP would allow, and knows no way back', async () => {
      const uid = await admin.createKey();
      const wrap = await encrypt(uid);
      (await ask(decryptOperation(uid, wrap))).wipe();
      await admin.deactivate(uid);
      assert.equal(await admin.stateOf(uid), 'Deactivated');
      assert.equal(await reasonOf(ask(decryptOperation(uid, wrap))), 0x0c);
      assert.equal(await reasonOf(admin.activate(uid)), 0x0c);
    });

    it('refuses other additional data, with General Failure, where KMIP has Cryptographic Failure', async () => {
      const uid = await admin.createKey();
      const wrap = { ...(await encrypt(uid)), additionalData: Buffer.from('globex') };
      assert.equal(await reasonOf(ask(decryptOperation(uid, wrap))), 0x100);
    });

    it('makes IVs of 16 bytes', async () => {
      assert.equal((await encrypt(await admin.createKey())).iv.length, 16);
    });
  });
}

function statesAndRights({ certificates, admin, target }: KmipWorld): void {
  const ends: readonly { readonly name: string; end(uid: string): Promise<void>; readonly reason: ErrorReason }[] = [
    { name: 'compromised', end: (uid) => admin.compromise(uid), reason: 'KEY_REVOKED' },
    {
      name: 'destroyed, of which PyKMIP keeps nothing,',
      end: async (uid) => {
        await admin.deactivate(uid);
        await admin.destroy(uid);
      },
      reason: 'KEY_NOT_FOUND',
    },
  ];
  describe('a key in a KMIP server (PyKMIP)', () => {
    for (const { name, end, reason } of ends) {
      it(`that was ${name} ends in ${reason}`, async (t) => {
        const uid = await admin.createKey();
        const key = openKey(target, { key: { uniqueIdentifier: uid } });
        t.after(() => key.close());
        const wrapped = await wrapSample(guardOf(key));
        await end(uid);
        await rejects(guardOf(key).unwrap({ wrapped, context: CONTEXT }, scope()), reason);
        await rejects(wrapSample(guardOf(key)), reason);
      });
    }

    it('that was deactivated opens nothing even where the server still decrypts', async (t) => {
      const settings = { key: { uniqueIdentifier: await admin.createKey() } };
      const key = openKey(target, settings);
      const wrapped = await wrapSample(guardOf(key));
      for (const state of [1, 3, 4, 5, 6]) {
        const proxy = await KmipProxy.start(certificates, target, withState(state));
        const told = openKey({ ...target, port: proxy.stub.port }, settings);
        t.after(async () => {
          await told.close();
          await proxy.stop();
        });
        const error = await rejects(guardOf(told).unwrap({ wrapped, context: CONTEXT }, scope()), 'KEY_REVOKED');
        assert.equal(error.details.scope, 'key');
      }
      (await guardOf(key).unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      await key.close();
    });

    const unfit: readonly {
      readonly name: string;
      create(): Promise<string>;
      readonly reason: ErrorReason;
      readonly says: RegExp;
    }[] = [
      { name: 'was never activated', create: () => admin.createInactiveKey(), reason: 'KEY_REVOKED', says: /Pre-Active/ },
      {
        name: 'is not shown to the daemon',
        create: () => admin.createKey({ policy: 'default' }),
        reason: 'KEY_ACCESS_DENIED',
        says: /Permission Denied/,
      },
      {
        name: 'hides its state from the daemon',
        create: () => admin.createKey({ policy: 'secretive' }),
        reason: 'KEY_ACCESS_DENIED',
        says: /Permission Denied/,
      },
      { name: 'has 128 bits', create: () => admin.createKey({ bits: 128 }), reason: 'KEY_MISCONFIGURED', says: /128 bits/ },
      {
        name: 'may not encrypt',
        create: () => admin.createKey({ usageMask: 8 }),
        reason: 'KEY_MISCONFIGURED',
        says: /lacks encrypt/,
      },
    ];
    for (const { name, create, reason, says } of unfit) {
      it(`that ${name} ends in ${reason}`, async (t) => {
        const key = openKey(target, { key: { uniqueIdentifier: await create() } });
        t.after(() => key.close());
        const error = await rejects(wrapSample(guardOf(key)), reason);
        assert.match(error.message, says);
      });
    }

    it('may not be revoked or destroyed by the daemon', async (t) => {
      const uid = await admin.createKey();
      const daemon = new KmipAdmin(target);
      t.after(() => daemon.close());
      for (const attempt of [() => daemon.deactivate(uid), () => daemon.destroy(uid)]) {
        await assert.rejects(attempt, (error) => error instanceof KmipRefusal && error.resultReason === 0x0c);
      }
      assert.equal(await admin.stateOf(uid), 'Active');
    });
  });
}

function certificatesAndNames({ certificates: { folder, authority }, admin, target }: KmipWorld): void {
  const stranger = new Authority('somebody else');
  const files: readonly { readonly name: string; change(): Promise<Partial<KmipTarget>>; readonly says: RegExp }[] = [
    {
      name: 'a server of an authority that is not trusted',
      change: async () => {
        const caFile = join(folder, 'stranger.crt');
        await writeFile(caFile, stranger.certificatePem);
        return { caFile };
      },
      says: /not trusted/,
    },
    { name: 'a server of another name', change: async () => ({ servername: 'kmip.example' }), says: /ALTNAME/ },
    {
      name: 'a client certificate that the server does not know',
      change: () => writeCertificate(folder, stranger.client('stranger')),
      says: /client certificate/,
    },
    {
      name: 'a client certificate that is a server’s',
      change: () => writeCertificate(folder, authority.server(['a-server'])),
      says: /credentials|client certificate/,
    },
  ];
  describe('the way to a KMIP server (PyKMIP)', () => {
    for (const { name, change, says } of files) {
      it(`${name} is KEY_MISCONFIGURED`, async (t) => {
        const key = openKey({ ...target, ...(await change()) }, { key: { uniqueIdentifier: await admin.createKey() } });
        t.after(() => key.close());
        const error = await rejects(wrapSample(guardOf(key)), 'KEY_MISCONFIGURED');
        assert.match(error.message, says);
      });
    }

    it('a name that two keys bear is KEY_MISCONFIGURED', async (t) => {
      const name = randomUUID();
      await Promise.all([admin.createKey({ name }), admin.createKey({ name })]);
      const key = openKey(target, { key: { name } });
      t.after(() => key.close());
      await rejects(wrapSample(guardOf(key)), 'KEY_MISCONFIGURED');
    });

    it('a user name and password are taken along, though PyKMIP checks none', async (t) => {
      const credential = { usernameFile: join(folder, 'username'), passwordFile: join(folder, 'password') };
      await writeFile(credential.usernameFile, 'keyside\n');
      await writeFile(credential.passwordFile, 'a secret\n');
      const settings: Partial<KmipSettings> = { credential, key: { uniqueIdentifier: await admin.createKey() } };
      const key = openKey(target, settings);
      t.after(() => key.close());
      await wrapSample(guardOf(key));
    });
  });
}

const SCRIPT = resolve(import.meta.dirname, '../../deploy/policies/kmip/key.py');

function administratorsScript({ certificates, target }: KmipWorld): void {
  it('the script for administrators makes a key that the daemon can use, and ends it', async (t) => {
    const hasWrapSocket = run(PYKMIP_PYTHON, ['-W', 'ignore', '-c', 'import ssl; ssl.wrap_socket']);
    if (
      !(await hasWrapSocket.then(
        () => true,
        () => false,
      ))
    )
      return t.skip('PyKMIP’s client needs Python 3.11 or older');
    const name = `keyside ${randomUUID()}`;
    const env = {
      KMIP_HOST: target.host,
      KMIP_PORT: String(target.port),
      KMIP_CA: certificates.caFile,
      KMIP_CERTIFICATE: certificates.administrator.certificateFile,
      KMIP_PRIVATE_KEY: certificates.administrator.keyFile,
      KMIP_KEY_NAME: name,
      KMIP_POLICY: 'keyside',
    };
    const script = (action: string): Promise<void> => run(PYKMIP_PYTHON, ['-W', 'ignore', SCRIPT, action], { env });
    const key = openKey(target, { key: { name } });
    t.after(() => key.close());
    await script('create');
    await assert.rejects(script('create'), /there is a key of the name/);
    await script('state');
    const wrapped = await wrapSample(guardOf(key));
    await script('deactivate');
    await rejects(guardOf(key).unwrap({ wrapped, context: CONTEXT }, scope()), 'KEY_REVOKED');
    await script('destroy');
    await rejects(guardOf(key).unwrap({ wrapped, context: CONTEXT }, scope()), 'KEY_NOT_FOUND');
  });
}
