import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chooseCipher } from '../../../src/cipher/choose-cipher.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { ChunkSealer } from '../../../src/envelope/chunk-sealer.ts';
import { type Benchmark, NotRun } from '../benchmark.ts';
import { CHUNK_BYTES } from '../bulk.ts';
import { profiling } from '../profiling.ts';

/** 1 GiB. */
const CHUNKS = 4_096;

export const kernel: Benchmark = {
  figures: {
    kernel_vs_openssl: {
      what: 'bytes per second of processor time of the chunk kernel, sealing pieces of 256 KiB into memory it was given / of `openssl speed -evp aes-256-gcm` at 16 KiB, which counts that time too',
      goal: { atLeast: 0.8 },
      shortfall: 'Each chunk of 16 KiB has a nonce and a tag of its own, which `openssl speed` leaves out.',
    },
  },
  async prepare({ share }) {
    const { cipher, instead } = chooseCipher();
    if (instead !== undefined) throw new NotRun(instead);
    await opensslBytesPerSecond().catch((cause: Error) => {
      throw new NotRun(`openssl speed does not run: ${cause.message.split('\n')[0]}`, { cause });
    });
    const input = Buffer.allocUnsafeSlow(CHUNK_BYTES).fill('kernel');
    const output = Buffer.allocUnsafeSlow(CHUNK_BYTES + 4_096);
    const chunks = Math.round(CHUNKS * share);
    return async () => {
      const peer = await opensslBytesPerSecond();
      using key = SecretBytes.own(cipher.random(32));
      using sealer = new ChunkSealer(cipher, key);
      const before = process.cpuUsage();
      await profiling.here(async () => {
        for (let sealed = 0; sealed < chunks; sealed += 1)
          sealer.push(input, output.subarray(0, sealer.sizeOfPush(input.length)));
      });
      const { user, system } = process.cpuUsage(before);
      const ours = (chunks * CHUNK_BYTES) / ((user + system) / 1e6);
      return { kernel_vs_openssl: ours / peer };
    };
  },
};

async function opensslBytesPerSecond(): Promise<number> {
  const options = ['speed', '-mr', '-seconds', '1', '-bytes', '16384', '-evp', 'aes-256-gcm'];
  const { stdout } = await promisify(execFile)('openssl', options);
  return Number(/^\+F:.*:([\d.]+)$/m.exec(stdout)?.[1]);
}
