import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { Daemon, install } from '../daemon.ts';
import { residentMib } from '../process-figures.ts';

/** After it, what the start left over is mostly gone. */
const SETTLE_MS = 4_000;

export const footprint: Benchmark = {
  figures: {
    start_ms: {
      what: "from the start of the process to the first connection it serves, compiled, with the compiler's cache that the image brings along",
      goal: { atMost: 300 },
      unit: 'ms',
      shortfall:
        'Node itself, grpc-js and the schemas of the configuration, read and evaluated file by file: they are not bundled. A second process checks the configuration meanwhile, so the figure holds where two cores are free.',
    },
    idle_rss_mib: {
      what: 'resident memory of the idle daemon, which by then is one process again',
      goal: { atMost: 70 },
      unit: 'MiB',
      shortfall:
        "Some 50 MiB are pages of Node's own program file, which all its processes on a machine share; of the rest a third is what V8 keeps for young objects, sized for throughput.",
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
