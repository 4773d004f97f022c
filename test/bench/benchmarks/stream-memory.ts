import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { Daemon, install } from '../daemon.ts';
import { encryptObject } from '../objects.ts';
import { residentMib } from '../process-figures.ts';

/** 1 GiB. */
const CHUNKS = 4_096;
const SETTLE_MS = 1_000;
const LOOK_EVERY_MS = 20;

export const streamMemory: Benchmark = {
  figures: {
    stream_rss_mib: {
      what: 'most resident memory above idle while one stream encrypts 1 GiB, in a daemon just started',
      goal: { atMost: 48 },
      unit: 'MiB',
    },
  },
  async prepare({ share }, stack) {
    const installed = await install(stack);
    return async () => {
      await using daemon = await Daemon.start(installed);
      await pause(SETTLE_MS);
      const idle = residentMib(daemon.pid);
      let most = idle;
      const look = setInterval(() => {
        most = Math.max(most, residentMib(daemon.pid));
      }, LOOK_EVERY_MS);
      try {
        await encryptObject(daemon.client, Math.round(CHUNKS * share), () => undefined);
      } finally {
        clearInterval(look);
      }
      return { stream_rss_mib: most - idle };
    };
  },
};
