import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { Daemon, install } from '../daemon.ts';
import { residentMib } from '../process-figures.ts';

/** After it, what the start left over is mostly gone. */
const SETTLE_MS = 4_000;

export const footprint: Benchmark = {
  figures: {
    start_ms: {
      what: "from the start of the process to the first connection it serves, bundled, with the compiler's cache that the image brings along",
      goal: { atMost: 300 },
      unit: 'ms',
      shortfall:
        'Two starts of Node, the second begun some 60 ms after the first: the daemon waits for the process that reads and checks the configuration, which takes twice as long to load as the daemon itself and then reads the tenants. The figure holds where two cores are free.',
    },
    idle_rss_mib: {
      what: 'resident memory of the idle daemon, which by then is one process again',
      goal: { atMost: 70 },
      unit: 'MiB',
      shortfall:
        "Node without a program takes 42 MiB, with grpc-js loaded 59. Some 51 MiB are pages of Node's own program file and of the C library, which all its processes on a machine share; of the 26 that are the daemon's own 4 go when V8 next collects all.",
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
