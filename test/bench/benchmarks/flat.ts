import type { Benchmark } from '../benchmark.ts';
import { ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, post } from '../load.ts';
import { cpuMsOf } from '../process-figures.ts';
import { startTarget, type Target } from '../target.ts';

const REQUESTS = 6_000;
const LEASES = 10_000;
const IN_FLIGHT = 64;

export const flat: Benchmark = {
  figures: {
    flat: {
      what: 'the lowest of three: throughput of Encrypt with 1,000 and with 100,000 tenants configured / with one; calls per second of processor time over 10,000 leases in turn / over 10',
      goal: { atLeast: 0.95 },
      shortfall: 'Not profiled yet; the three ratios move with the rounds by more than the goal allows for.',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const few = await startTarget(stack, {});
    const some = await startTarget(stack, { moreTenants: 1_000 });
    const many = await startTarget(stack, { moreTenants: 100_000 });
    for (const target of [few, some, many]) await storedRequest(target);
    const requests = Math.round(REQUESTS * share);
    const rate = async (target: Target): Promise<number> => {
      const { perSecond } = await post(target, { path: ENCRYPT, request: encryptRequest(), requests, inFlight: IN_FLIGHT });
      await target.assertAllOk();
      return perSecond;
    };
    const documents = Array.from({ length: LEASES }, (_, at) => encryptRequest(`tenant-${at}`));
    await callInTurn(many, documents, LEASES);
    const cpu = (leases: number): Promise<number> =>
      cpuMsOf(many.pid, () => callInTurn(many, documents.slice(0, leases), Math.max(requests, LEASES)));
    return async () => {
      const [one, thousand, hundredThousand] = [await rate(few), await rate(some), await rate(many)];
      const [tenLeases, manyLeases] = [await cpu(10), await cpu(LEASES)];
      await many.assertAllOk();
      return { flat: Math.min(thousand / one, hundredThousand / one, tenLeases / manyLeases) };
    };
  },
};

/** By a checking client, since h2load posts one body only. */
async function callInTurn(target: Target, requests: readonly Uint8Array[], count: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await target.call(ENCRYPT, requests[next++ % requests.length] as Uint8Array);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}
