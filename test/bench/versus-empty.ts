import type { Benchmark } from './benchmark.ts';
import { DECRYPT, ENCRYPT, encryptRequest, storedRequest } from './documents.ts';
import type { Figure } from './finding.ts';
import { ensureH2load, type Load, type Posted, postInTurns } from './load.ts';
import { EMPTY } from './peers.ts';
import { startTarget } from './target.ts';

const REQUESTS = 10_000;
const IN_FLIGHT = 64;

/** The throughput of a call on the document, relative to the empty call of the same server. */
export function versusEmpty(
  name: string,
  figure: Figure,
  { method, isPure = false }: { method: 'Encrypt' | 'Decrypt'; isPure?: boolean },
): Benchmark {
  return {
    figures: { [name]: figure },
    async prepare({ share }, stack) {
      await ensureH2load();
      const target = await startTarget(stack, { isPure });
      const stored = await storedRequest(target);
      const requests = Math.round(REQUESTS * share);
      const own = method === 'Encrypt' ? { path: ENCRYPT, request: encryptRequest() } : { path: DECRYPT, request: stored };
      const load: Load = { ...own, requests, inFlight: IN_FLIGHT };
      const empty: Load = { path: EMPTY, request: new Uint8Array(0), requests: 2 * requests, inFlight: IN_FLIGHT, isPeer: true };
      return async () => {
        const [ours, peer] = (await postInTurns(target, [load, empty])) as [Posted, Posted];
        await target.assertAllOk();
        return { [name]: ours.perSecond / peer.perSecond };
      };
    },
  };
}
