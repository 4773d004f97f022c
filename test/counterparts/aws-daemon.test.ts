import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type CallMetadata, KeysideClient, KeysideError } from '../../clients/typescript/src/index.ts';
import { createKey, rotateKey } from '../../src/kms/local/store.ts';
import { type DaemonProcess, startDaemon, temporaryDirectory } from '../integration/daemon-process.ts';
import { credentialsFile } from '../unit/kms/aws/aws-samples.ts';
import { AwsAccount } from './aws-account.ts';
import { startCounterpart } from './harness.ts';
import { type KmsCounter, startKmsCounter } from './kms-counter.ts';
import { LOCAL_KMS, REGION } from './local-kms.ts';

/** The lifetime of a data key for reading in these tests. */
const READ_TTL_MS = 1_500;
const TENANT: CallMetadata = { tenantId: 'initech' };
const FIELDS = { ssn: Buffer.from('123-45-6789') };

const credentials = await credentialsFile();
const kms = await startCounterpart(LOCAL_KMS);
if ('url' in kms) {
  const account = new AwsAccount(kms.url);
  const counter = await startKmsCounter(kms.url);
  after(async () => {
    account.close();
    await counter.close();
  });
  describe('a tenant whose key lies in AWS KMS (local-kms)', () => suite(account, counter));
} else {
  it('a tenant whose key lies in AWS KMS', { skip: kms.missing }, () => undefined);
}

/** A daemon with this tenant, its files, and a client. */
class World {
  readonly directory: string;
  readonly #counter: KmsCounter;
  #daemon: DaemonProcess | undefined;
  #client: KeysideClient | undefined;

  constructor(t: TestContext, counter: KmsCounter) {
    this.directory = temporaryDirectory(t);
    this.#counter = counter;
    writeFileSync(join(this.directory, 'keyside.yaml'), 'listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\n');
    t.after(() => this.stop());
  }

  get client(): KeysideClient {
    assert.ok(this.#client, 'the daemon runs');
    return this.#client;
  }

  get daemon(): DaemonProcess {
    assert.ok(this.#daemon, 'the daemon runs');
    return this.#daemon;
  }

  async writeTenant(keys: readonly string[]): Promise<void> {
    const reloads = this.#daemon?.log.filter(isReload).length;
    const policy = [
      `default: { cache: { ttl: ${READ_TTL_MS}ms } }`,
      'labels: { second: {}, single: { protection: document, cache: { ttl: 0s } } }',
    ];
    const lines = ['tenants:', '  initech:', '    policy:', ...policy.map((line) => `      ${line}`), '    keys:'];
    writeFileSync(join(this.directory, 'tenants.yaml'), [...lines, ...keys.map((key) => `      - ${key}`), ''].join('\n'));
    if (reloads === undefined) return;
    while (this.daemon.log.filter(isReload).length === reloads) await setTimeout(20);
  }

  awsKey(keyId: string, options: { state?: string; accepted?: readonly string[] } = {}): string {
    const accepted = options.accepted === undefined ? '' : `, acceptedKeyIds: ${JSON.stringify(options.accepted)}`;
    const settings = `keyId: "${keyId}", region: ${REGION}, endpoint: "${this.#counter.url}"${accepted}`;
    const { state = 'primary' } = options;
    return `{ id: initech-aws, provider: aws, state: ${state}, aws: { ${settings}, credentials: { source: file, file: "${credentials}" } } }`;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#daemon = await startDaemon(['--config', join(this.directory, 'keyside.yaml')]);
    this.#client = new KeysideClient({ address: this.#daemon.tcp });
    this.#counter.take();
  }

  async stop(): Promise<void> {
    this.#client?.close();
    await this.#daemon?.stop();
  }
}

function isReload(line: { readonly message: string }): boolean {
  return line.message === 'tenants reloaded';
}

function suite(account: AwsAccount, counter: KmsCounter): void {
  it('N documents under a lease cost one KMS call to write, and one to read after a restart', async (t) => {
    const world = new World(t, counter);
    await world.writeTenant([world.awsKey(await account.createKey())]);
    await world.restart();
    await world.client.encrypt(FIELDS, TENANT);
    // The first lease of a configuration is proven by an unwrap before anything is written under it.
    assert.deepEqual(counter.take(), { GenerateDataKey: 1, Decrypt: 1 });

    const second = { ...TENANT, dataLabel: 'second' };
    const documents = await Promise.all(Array.from({ length: 50 }, () => world.client.encrypt(FIELDS, second)));
    assert.deepEqual(counter.take(), { GenerateDataKey: 1 });
    await world.restart();
    for (const document of documents) assert.deepEqual(await plaintext(world, document, second), '123-45-6789');
    const toRead = counter.take();
    t.diagnostic(`50 documents: 1 GenerateDataKey to write, ${toRead.Decrypt} Decrypt to read after a restart`);
    assert.deepEqual(Object.keys(toRead), ['Decrypt']);
    assert.ok(Number(toRead.Decrypt) <= 2, 'one Decrypt, and a refresh ahead where reading took that long');
  });

  it('with leasing off every document costs a KMS call to write and one to read', async (t) => {
    const world = new World(t, counter);
    await world.writeTenant([world.awsKey(await account.createKey())]);
    await world.restart();
    await world.client.encrypt(FIELDS, TENANT);
    counter.take();
    const single = { ...TENANT, dataLabel: 'single' };
    const documents = await Promise.all(Array.from({ length: 10 }, () => world.client.encrypt(FIELDS, single)));
    assert.deepEqual(counter.take(), { GenerateDataKey: 10 });
    await Promise.all(documents.map((document) => world.client.decrypt(document, single)));
    assert.deepEqual(counter.take(), { Decrypt: 10 });
  });

  it('64 concurrent cold decrypts of one lease cost one unwrap', async (t) => {
    const world = new World(t, counter);
    await world.writeTenant([world.awsKey(await account.createKey())]);
    await world.restart();
    const documents = await Promise.all(Array.from({ length: 64 }, () => world.client.encrypt(FIELDS, TENANT)));
    await world.restart();
    await Promise.all(documents.map((document) => world.client.decrypt(document, TENANT)));
    assert.deepEqual(counter.take(), { Decrypt: 1 });
  });

  it('a disabled key is refused with KEY_REVOKED, and works again once it is enabled', async (t) => {
    const world = new World(t, counter);
    const keyId = await account.createKey();
    await world.writeTenant([world.awsKey(keyId)]);
    await world.restart();
    const document = await world.client.encrypt(FIELDS, TENANT);
    assert.equal(await plaintext(world, document, TENANT), '123-45-6789');
    await account.disable(keyId);
    const disabledAtMs = performance.now();
    let lastSuccessMs = 0;
    const error = await untilFails(async () => {
      await world.client.decrypt(document, TENANT);
      lastSuccessMs = performance.now() - disabledAtMs;
    });
    t.diagnostic(
      `last decrypt ${lastSuccessMs.toFixed(0)} ms after the customer disabled its key; the bound is ${READ_TTL_MS} ms`,
    );
    assert.equal(error.reason, 'KEY_REVOKED');
    assert.equal(error.code, 'FAILED_PRECONDITION');
    await assert.rejects(world.client.encrypt(FIELDS, TENANT), { reason: 'KEY_REVOKED' }, 'the lease for writing ended with it');
    await account.enable(keyId);
    assert.equal(await untilSucceeds(() => plaintext(world, document, TENANT)), '123-45-6789');
  });

  it('rewrap moves a document from a local key to AWS, and from version 1 to 2 of either, with the same field ciphertexts', async (t) => {
    const world = new World(t, counter);
    mkdirSync(join(world.directory, 'keys'));
    const storeFile = join(world.directory, 'keys/initech.json');
    await createKey(storeFile, { id: 'initech', now: new Date() });
    const local = (state: string) =>
      `{ id: initech-local, provider: local, state: ${state}, local: { storeFile: keys/initech.json } }`;
    await world.writeTenant([local('primary')]);
    await world.restart();
    const { fields, edek } = await world.client.encrypt(FIELDS, TENANT);

    const unchanged = await world.client.rewrap({ edek }, TENANT);
    assert.equal(unchanged.isChanged, false);
    assert.deepEqual(Buffer.from(unchanged.edek), Buffer.from(edek));
    await rotateKey(storeFile, { now: new Date() });
    await world.client.dropKeys({ tenantId: 'initech' });
    const localSecond = await world.client.rewrap({ edek }, TENANT);
    assert.deepEqual({ keyId: localSecond.keyId, isChanged: localSecond.isChanged }, { keyId: 'initech-local', isChanged: true });
    assert.equal(await plaintext(world, { fields, edek: localSecond.edek }, TENANT), '123-45-6789');

    const [first, second] = [await account.createKey(), await account.createKey()];
    const alias = await account.createAlias(first);
    const aws = world.awsKey(alias, { accepted: [first, second] });
    await world.writeTenant([aws, local('active')]);
    const moved = await world.client.rewrap({ edek: localSecond.edek }, TENANT);
    assert.deepEqual({ keyId: moved.keyId, isChanged: moved.isChanged }, { keyId: 'initech-aws', isChanged: true });
    await account.moveAlias(alias, second);
    await world.client.dropKeys({ tenantId: 'initech' });
    const awsSecond = await world.client.rewrap({ edek: moved.edek }, TENANT);
    assert.equal(awsSecond.isChanged, true);

    await world.writeTenant([aws, local('disabled')]);
    for (const key of [moved.edek, awsSecond.edek])
      assert.equal(await plaintext(world, { fields, edek: key }, TENANT), '123-45-6789');
    await assert.rejects(world.client.decrypt({ fields, edek }, TENANT), { reason: 'KEY_DISABLED_HERE' });
    await assert.rejects(world.client.rewrap({ edek: moved.edek, targetKeyId: 'initech-local' }, TENANT), {
      reason: 'KEY_DISABLED_HERE',
    });
    await world.writeTenant([aws, local('active')]);
    await assert.rejects(world.client.rewrap({ edek: moved.edek, targetKeyId: 'initech-local' }, TENANT), {
      reason: 'POLICY_DENIED',
    });
  });
}

async function plaintext(
  world: World,
  document: Parameters<KeysideClient['decrypt']>[0],
  metadata: CallMetadata,
): Promise<string> {
  return (await world.client.decrypt(document, metadata)).text('ssn');
}

/** The error in which the call ends at last. */
async function untilFails(call: () => Promise<unknown>): Promise<KeysideError> {
  const endMs = Date.now() + 20 * READ_TTL_MS;
  while (Date.now() < endMs) {
    try {
      await call();
    } catch (error) {
      assert.ok(error instanceof KeysideError, String(error));
      return error;
    }
    await setTimeout(10);
  }
  return assert.fail('the call never failed');
}

async function untilSucceeds<T>(call: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + 10_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > endMs) throw error;
      await setTimeout(50);
    }
  }
}
