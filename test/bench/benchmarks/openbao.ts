import assert from 'node:assert/strict';
import { openCounterpart } from '../../counterparts/harness.ts';
import { VaultAdmin } from '../../counterparts/vault-admin.ts';
import { ROOT_TOKEN, openbao as recipe } from '../../counterparts/vault-openbao.ts';
import { type Benchmark, NotRun } from '../benchmark.ts';
import { BATCH_ENCRYPT, batchEncryptRequest, ENCRYPT, encryptRequest, FIELDS, storedRequest } from '../documents.ts';
import { ensureH2load, h2load, post } from '../load.ts';
import { cpuMsOf } from '../process-figures.ts';
import { startTarget } from '../target.ts';

const UNARY = 2_000;
const BATCHES = 100;
const DOCUMENTS = 100;

export const openbao: Benchmark = {
  figures: {
    vs_openbao: {
      what: 'documents per second of processor time: Encrypt of the document in five fields / Transit encrypt of the same bytes as one value in OpenBao, in memory',
      goal: { atLeast: 2 },
      shortfall: 'OpenBao seals one value where Keyside seals five fields, each with a nonce and a tag.',
    },
    vs_openbao_batch100: {
      what: 'the same with 100 documents in a call, BatchEncrypt and `batch_input`',
      goal: { atLeast: 4 },
      shortfall: 'OpenBao seals one value where Keyside seals five fields, each with a nonce and a tag.',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const opened = await openCounterpart(recipe());
    if ('missing' in opened) throw new NotRun(opened.missing);
    stack.defer(() => opened.stop());
    const peer = await transit(opened.url);
    const target = await startTarget(stack);
    await storedRequest(target);
    const [unary, batches] = [Math.round(UNARY * share), Math.round(BATCHES * share)];
    const ours = (path: string, request: Uint8Array, requests: number): Promise<number> =>
      cpuMsOf(target.pid, () => post(target, { path, request, requests, inFlight: 16 }));
    const theirs = (body: unknown, requests: number): Promise<number> =>
      cpuMsOf(opened.pid, () => peer.post(body, { requests, inFlight: 16 }));
    return async () => {
      const each = (await theirs(peer.one, unary)) / unary / ((await ours(ENCRYPT, encryptRequest(), 4 * unary)) / (4 * unary));
      const many = await theirs(peer.hundred, batches);
      const ourMany = await ours(BATCH_ENCRYPT, batchEncryptRequest(DOCUMENTS), 4 * batches);
      await target.assertAllOk();
      return { vs_openbao: each, vs_openbao_batch100: many / batches / (ourMany / (4 * batches)) };
    };
  },
};

/** A key of Transit that was seen to open what it sealed, one value and each of a hundred. */
async function transit(url: string) {
  const admin = new VaultAdmin(url);
  await admin.setUp();
  const key = await admin.createKey();
  const plaintext = Buffer.concat([...FIELDS.values()]).toString('base64');
  const { ciphertext } = await admin.do('POST', `transit/encrypt/${key}`, { plaintext });
  assert.equal((await admin.do('POST', `transit/decrypt/${key}`, { ciphertext })).plaintext, plaintext);
  const hundred = { batch_input: Array.from({ length: DOCUMENTS }, () => ({ plaintext })) };
  // An answer of 200 says that every item was sealed; that it does is seen here, item by item.
  const { batch_results: sealed } = await admin.do('POST', `transit/encrypt/${key}`, hundred);
  const opened = await admin.do('POST', `transit/decrypt/${key}`, { batch_input: sealed });
  assert.deepEqual(
    (opened.batch_results as readonly { readonly plaintext?: string }[]).map((item) => item.plaintext),
    hundred.batch_input.map((item) => item.plaintext),
  );
  return {
    one: { plaintext },
    hundred,
    post: (body: unknown, { requests, inFlight }: { requests: number; inFlight: number }) =>
      h2load(Buffer.from(JSON.stringify(body)), [
        ...[
          '--h1',
          '-n',
          String(requests),
          '-c',
          String(Math.min(inFlight, requests)),
          '-m',
          '1',
          '-H',
          `x-vault-token: ${ROOT_TOKEN}`,
        ],
        ...['-H', 'content-type: application/json', `${url}/v1/transit/encrypt/${key}`],
      ]),
  };
}
