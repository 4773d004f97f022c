import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { KeysideClient } from '../../../clients/typescript/src/index.ts';
import { exists, run, TOOLS } from '../../counterparts/harness.ts';
import { type Benchmark, NotRun } from '../benchmark.ts';
import { ENCRYPT, encryptRequest, FIELDS, storedRequest } from '../documents.ts';
import { ensureH2load, post } from '../load.ts';
import { cpuMsOf } from '../process-figures.ts';
import { startTarget } from '../target.ts';

const PACKAGE = '@aws-crypto/client-node';
const VERSION = '5.0.2';
const DOCUMENTS = 2_000;
const IN_FLIGHT = 64;
const CONTEXT = { tenant: 'acme' };

export const awsEsdk: Benchmark = {
  figures: {
    vs_aws_esdk: {
      what: 'processor time of a 1 KiB encrypt by the AWS Encryption SDK for JavaScript in process (committing, unsigned, its data key cached) / of the daemon for Encrypt',
      goal: { atLeast: 6 },
      shortfall: 'The daemon pays for a call that a library in process does not make.',
    },
    vs_aws_esdk_client: {
      what: 'the same / of the daemon and the TypeScript client together',
      goal: { atLeast: 2 },
      shortfall: 'A grpc-js client spends about twice what the server spends on a call.',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const seal = await awsEncrypt();
    const target = await startTarget(stack);
    await storedRequest(target);
    const client = new KeysideClient({ address: target.address });
    stack.defer(() => client.close());
    const count = Math.round(DOCUMENTS * share);
    const load = { path: ENCRYPT, request: encryptRequest(), requests: 4 * count, inFlight: IN_FLIGHT };
    const [metadata, fields] = [{ tenantId: 'acme' }, Object.fromEntries(FIELDS)];
    return async () => {
      const library = (await cpuMsOf(process.pid, () => inFlight(1, count, seal))) / count;
      const daemon = (await cpuMsOf(target.pid, () => post(target, load))) / load.requests;
      let own = 0;
      const served = await cpuMsOf(target.pid, async () => {
        own = await cpuMsOf(process.pid, () => inFlight(IN_FLIGHT, count, () => client.encrypt(fields, metadata)));
      });
      await target.assertAllOk();
      return { vs_aws_esdk: library / daemon, vs_aws_esdk_client: library / ((served + own) / count) };
    };
  },
};

async function inFlight(width: number, count: number, call: () => Promise<unknown>): Promise<void> {
  let started = 0;
  const work = async (): Promise<void> => {
    while (started++ < count) await call();
  };
  await Promise.all(Array.from({ length: width }, work));
}

/** What is used of the library. */
interface Library {
  readonly AlgorithmSuiteIdentifier: Readonly<Record<string, number>>;
  readonly CommitmentPolicy: Readonly<Record<string, string>>;
  readonly RawAesWrappingSuiteIdentifier: Readonly<Record<string, number>>;
  readonly RawAesKeyringNode: new (options: object) => object;
  readonly NodeCachingMaterialsManager: new (options: object) => object;
  getLocalCryptographicMaterialsCache(capacity: number): object;
  buildClient(policy: string | undefined): {
    encrypt(materials: object, plaintext: Uint8Array, options: object): Promise<{ result: Buffer }>;
    decrypt(keyring: object, ciphertext: Uint8Array): Promise<{ plaintext: Buffer }>;
  };
}

/** Encrypts the document's bytes; was seen to decrypt to them. */
async function awsEncrypt(): Promise<() => Promise<unknown>> {
  const aws = await library();
  const { encrypt, decrypt } = aws.buildClient(aws.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const keyring = new aws.RawAesKeyringNode({
    keyName: 'bench',
    keyNamespace: 'bench',
    unencryptedMasterKey: new Uint8Array(32).fill(7),
    wrappingSuite: aws.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  const materials = new aws.NodeCachingMaterialsManager({
    backingMaterials: keyring,
    cache: aws.getLocalCryptographicMaterialsCache(100),
    maxAge: 3_600_000,
  });
  const plaintext = Buffer.concat([...FIELDS.values()]);
  const suiteId = aws.AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
  const seal = () => encrypt(materials, plaintext, { suiteId, encryptionContext: CONTEXT });
  assert.deepEqual((await decrypt(keyring, (await seal()).result)).plaintext, plaintext);
  return seal;
}

async function library(): Promise<Library> {
  const folder = join(TOOLS, 'aws-esdk');
  if (!(await exists(join(folder, 'node_modules', PACKAGE)))) {
    mkdirSync(folder, { recursive: true });
    const options = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', ['install', ...options, `${PACKAGE}@${VERSION}`], { cwd: folder }).catch((cause: Error) => {
      throw new NotRun(`${PACKAGE} cannot be installed: ${cause.message.split('\n')[0]}`, { cause });
    });
  }
  return createRequire(join(folder, 'from-here.js'))(PACKAGE) as Library;
}
