/**
 * `npm run audit-faults [-- --short] [--seed N]`: what the audit trail does when its disk or its sinks do not, against a daemon under
 * load.
 */
import { parseArgs } from 'node:util';
import { Checks } from '../crash/checks.ts';
import { seededRandom } from '../crash/random.ts';
import { busySinks } from './busy-sinks.ts';
import { drained } from './drained.ts';
import { fullAtTheEnd } from './full-at-the-end.ts';
import { fullDisk } from './full-disk.ts';
import { fullSpool } from './full-spool.ts';
import { lostDirectory, unusableDirectory } from './lost-directory.ts';
import { severalProcesses } from './several-processes.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, seed: { type: 'string' } } });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!Number.isInteger(seed)) throw new Error('--seed is a whole number');
  console.log(`seed ${seed}`);
  const checks = new Checks((sentence) => console.log(sentence));
  const scenario = { checks, random: seededRandom(seed), isShort: values.short };
  for (const trial of [fullDisk, fullAtTheEnd]) {
    const missing = await trial(scenario);
    if (missing !== undefined) console.log(`\nthe disk is full: not tried, ${missing}`);
  }
  for (const trial of [fullSpool, lostDirectory, unusableDirectory, severalProcesses, busySinks, drained]) await trial(scenario);
  console.log(`\n${checks.passed} passed, ${checks.failures.length} failed`);
  if (checks.failures.length > 0) process.exitCode = 1;
}

await main();
