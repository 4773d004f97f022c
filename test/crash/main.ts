/**
 * `npm run crash [-- --times 50] [--seed N] [--mode required|async|off]`: a daemon is killed at a random moment under load, again and
 * again over the same audit directory; whatever it had answered must be on record, once, in chains that verify, and reach the sink.
 */
import { parseArgs } from 'node:util';
import { Checks } from './checks.ts';
import { runCrashes, runOff } from './crash-suite.ts';
import { seededRandom } from './random.ts';

const MODES = ['required', 'async', 'off'] as const;
/** Kills in the mode that is tried beside `required`. */
const TIMES_OF_ASYNC = 10;

const checks = new Checks((sentence) => console.log(sentence));

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { times: { type: 'string' }, seed: { type: 'string' }, mode: { type: 'string' } } });
  const times = Number(values.times ?? 50);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const modes = values.mode === undefined ? MODES : MODES.filter((mode) => mode === values.mode);
  if (!Number.isInteger(times) || times < 1 || !Number.isInteger(seed) || modes.length === 0) {
    throw new Error('--times and --seed are whole numbers, --mode is required, async or off');
  }
  console.log(`seed ${seed}: with --seed ${seed} the kills come at about the same moments`);
  const random = seededRandom(seed);
  for (const mode of modes) {
    if (mode === 'off') await runOff({ checks, random });
    else await runCrashes(mode, { checks, random, times: mode === 'async' ? Math.min(times, TIMES_OF_ASYNC) : times });
  }
  console.log(`\n${checks.passed} passed, ${checks.failures.length} failed`);
  if (checks.failures.length > 0) process.exitCode = 1;
}

await main();
