import type { Benchmark } from '../benchmark.ts';
import { DECRYPT, ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, type Load, type Posted, postSidesInTurns, type Side } from '../load.ts';
import { startTarget } from '../target.ts';

const REQUESTS = 10_000;
const IN_FLIGHT = 64;
const MODES = ['off', 'async', 'required'] as const;

export const audit: Benchmark = {
  figures: {
    audit_required_encrypt: {
      what: 'throughput of Encrypt of the document with the audit trail `required`, on the disk of the temporary folder, without sinks / with the trail off',
      goal: { atLeast: 0.8 },
      shortfall:
        'Each call makes, hashes and chains a record, and each commit waits for the disk; the fewer calls a commit gathers, the more of its system calls each of them pays for.',
    },
    audit_required_decrypt: {
      what: 'the same of Decrypt',
      goal: { atLeast: 0.8 },
      shortfall: 'As of Encrypt.',
    },
    audit_async_encrypt: {
      what: 'throughput of Encrypt with the trail `async` / with the trail off',
      goal: { atLeast: 0.95 },
      shortfall: 'A record costs several microseconds of the thread that serves, wherever it is written.',
    },
    audit_async_decrypt: {
      what: 'the same of Decrypt',
      goal: { atLeast: 0.95 },
      shortfall: 'As of Encrypt.',
    },
    audit_one_tenant: {
      what: 'calls of Encrypt per second of one tenant with the trail `required`; elsewhere 500 are the limit',
      goal: { atLeast: 500 },
      unit: 'calls/s',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const shape = { requests: Math.round(REQUESTS * share), inFlight: IN_FLIGHT };
    const sides: Side[] = [];
    for (const mode of MODES) {
      const target = await startTarget(stack, { audit: mode });
      const encrypt: Load = { path: ENCRYPT, request: encryptRequest(), ...shape, isPeer: mode !== 'required' };
      const decrypt: Load = { path: DECRYPT, request: await storedRequest(target), ...shape, isPeer: true };
      sides.push({ target, load: encrypt }, { target, load: decrypt });
    }
    return async () => {
      const posted = (await postSidesInTurns(sides)).map(({ perSecond }: Posted) => perSecond);
      for (const { target, load } of sides) if (load.path === ENCRYPT) await target.assertAllOk();
      const [encryptOff, decryptOff, encryptAsync, decryptAsync, encryptRequired, decryptRequired] = posted as Six;
      return {
        audit_required_encrypt: encryptRequired / encryptOff,
        audit_required_decrypt: decryptRequired / decryptOff,
        audit_async_encrypt: encryptAsync / encryptOff,
        audit_async_decrypt: decryptAsync / decryptOff,
        audit_one_tenant: encryptRequired,
      };
    };
  },
};

type Six = [number, number, number, number, number, number];
