import type { Benchmark } from '../benchmark.ts';
import { ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, type Load, type Posted, postInTurns } from '../load.ts';
import { EMPTY } from '../peers.ts';
import { startTarget } from '../target.ts';

/** Of each side in each round: a hundred answers are beyond the p99. */
const REQUESTS = 10_000;

export const encryptP99: Benchmark = {
  figures: {
    encrypt_p99_vs_empty: {
      what: 'p99 of Encrypt of the same document, 4 in flight / p99 of an empty call',
      goal: { atMost: 1.6 },
      shortfall: 'With four in flight a call waits for up to three others, each of which costs several times an empty one.',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const target = await startTarget(stack);
    await storedRequest(target);
    const shape = { requests: Math.round(REQUESTS * share), inFlight: 4 };
    const load: Load = { path: ENCRYPT, request: encryptRequest(), ...shape };
    const empty: Load = { path: EMPTY, request: new Uint8Array(0), ...shape, isPeer: true };
    return async () => {
      const [ours, peer] = (await postInTurns(target, [load, empty])) as [Posted, Posted];
      await target.assertAllOk();
      return { encrypt_p99_vs_empty: ours.p99Us / peer.p99Us };
    };
  },
};
