import assert from 'node:assert/strict';
import { BatchEncryptResponse } from '../../../src/gen/keyside/v1/crypto.ts';
import type { Benchmark } from '../benchmark.ts';
import { BATCH_ENCRYPT, batchEncryptRequest, ENCRYPT, encryptRequest } from '../documents.ts';
import { ensureH2load, type Posted, postInTurns } from '../load.ts';
import { startTarget } from '../target.ts';

const DOCUMENTS = 100;
const BATCHES = 400;
const UNARY = 10_000;

export const batch: Benchmark = {
  figures: {
    batch100_vs_unary: {
      what: 'documents per second of BatchEncrypt of 100 / of Encrypt',
      goal: { atLeast: 5 },
      shortfall:
        'The quicker the single call becomes, the less a batch saves beside it; what is left of a document is its fields.',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const target = await startTarget(stack);
    const request = batchEncryptRequest(DOCUMENTS);
    const { results } = BatchEncryptResponse.decode(await target.call(BATCH_ENCRYPT, request));
    assert.equal(results.length, DOCUMENTS);
    const batches = { path: BATCH_ENCRYPT, request, requests: Math.round(BATCHES * share), inFlight: 8 };
    const unary = { path: ENCRYPT, request: encryptRequest(), requests: Math.round(UNARY * share), inFlight: 64, isPeer: true };
    return async () => {
      const [ours, peer] = (await postInTurns(target, [batches, unary])) as [Posted, Posted];
      await target.assertAllOk();
      return { batch100_vs_unary: (ours.perSecond * DOCUMENTS) / peer.perSecond };
    };
  },
};
