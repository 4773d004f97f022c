import type { Benchmark } from '../benchmark.ts';
import { ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, post } from '../load.ts';
import { EMPTY } from '../peers.ts';
import { startTarget } from '../target.ts';

const REQUESTS = 8_000;

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
    return async () => {
      const ours = await post(target, { path: ENCRYPT, request: encryptRequest(), ...shape });
      const peer = await post(target, { path: EMPTY, request: new Uint8Array(0), ...shape });
      await target.assertAllOk();
      return { encrypt_p99_vs_empty: ours.p99Us / peer.p99Us };
    };
  },
};
