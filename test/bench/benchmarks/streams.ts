import type { Benchmark } from '../benchmark.ts';
import { decryptObject, echoObject, encryptObject, sealedObject } from '../objects.ts';
import { cpuMsOf } from '../process-figures.ts';
import { profiling } from '../profiling.ts';
import { startTarget } from '../target.ts';

/** 1 GiB. */
const CHUNKS = 4_096;

export const streams: Benchmark = {
  figures: {
    stream_encrypt_vs_echo: {
      what: "server's processor time of a plain grpc-js echo of 1 GiB in chunks of 256 KiB / of EncryptStream of the same",
      goal: { atLeast: 0.9 },
    },
    stream_decrypt_vs_echo: {
      what: 'the same of DecryptStream',
      goal: { atLeast: 0.9 },
    },
  },
  async prepare({ share }, stack) {
    const target = await startTarget(stack);
    const { client, echo, pid } = target;
    const chunks = Math.round(CHUNKS * share);
    const sealed = await sealedObject(client, chunks);
    return async () => {
      const peer = await cpuMsOf(pid, () => echoObject(echo, chunks));
      const ours = (work: () => Promise<void>): Promise<number> => cpuMsOf(pid, () => profiling.during(target, work));
      const encrypt = await ours(() => encryptObject(client, chunks, () => undefined));
      const decrypt = await ours(() => decryptObject(client, sealed, chunks));
      await target.assertAllOk();
      return { stream_encrypt_vs_echo: peer / encrypt, stream_decrypt_vs_echo: peer / decrypt };
    };
  },
};
