import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { Daemon, install } from '../daemon.ts';
import { residentMib } from '../process-figures.ts';

/** After it, what the start left over is mostly gone. */
const SETTLE_MS = 1_500;

export const footprint: Benchmark = {
  figures: {
    start_ms: {
      what: 'from the start of the process to the first connection it serves, compiled, without a compile cache',
      goal: { atMost: 300 },
      unit: 'ms',
      shortfall:
        'Reading and compiling the daemon and its packages, file by file: they are not bundled and nothing of it is cached.',
    },
    idle_rss_mib: {
      what: 'resident memory of the idle daemon',
      goal: { atMost: 70 },
      unit: 'MiB',
      shortfall:
        'Node with grpc-js takes 53 MiB; the rest was not taken apart yet, and the thread that reads the files of tenants is part of it.',
    },
  },
  async prepare(_scale, stack) {
    const installed = await install(stack);
    return async () => {
      await using daemon = await Daemon.start(installed);
      await pause(SETTLE_MS);
      return { start_ms: daemon.startMs, idle_rss_mib: residentMib(daemon.pid) };
    };
  },
};
