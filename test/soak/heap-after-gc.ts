import { appendFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Preloaded into the daemon that is soaked: appends, for each sample, the bytes that stay on the heap when garbage is collected and the
 * memory that is resident. Other processes that inherit it do nothing.
 */
const SAMPLE_MS = 2_000;

const { KEYSIDE_SOAK_SAMPLES: file } = process.env;
if (file !== undefined && process.argv.includes('sidecar')) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const sample = (): void => {
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    appendFileSync(file, `${JSON.stringify({ heapBytes: heapUsed + external, residentBytes: rss })}\n`);
  };
  setInterval(sample, SAMPLE_MS).unref();
}
