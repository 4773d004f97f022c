/**
 * `npm run soak -- --minutes 10`: ten tenants work at mixed load (small documents, batches, streams, written and read), and the network
 * to one tenant's KMS after the other is cut for a while. Judged: nobody but the tenant that is cut has a failed call, all that was
 * written is read back, and memory is flat: of what stays when garbage is collected, the median of the last third of the run exceeds
 * that of the middle third by at most 4 MiB; of what is resident, by at most 48 MiB. Ends in `N passed, N failed`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FaultWorld } from '../faults/fault-world.ts';
import { isFlat, readSamples, type Sample, slopeMibPerMinute, thirdsOf } from './memory.ts';
import { MixedLoad, type Tally } from './mixed-load.ts';

const SAMPLE_MS = 2_000;
const HEAP_SPARE_MIB = 4;
const RESIDENT_SPARE_MIB = 48;
const CUT_MS = 5_000;
const QUIET_MS = 15_000;
/** After the network is back, until the breaker has looked again. */
const RECOVERY_MS = 7_000;
const WEATHER: readonly string[] = ['KMS_UNAVAILABLE', 'KMS_TIMEOUT', 'OVERLOADED'];
const FEWEST_SAMPLES = 15;

const checks = { passed: 0, failed: 0 };

function check(isMet: boolean, sentence: string): void {
  checks[isMet ? 'passed' : 'failed'] += 1;
  console.log(`  ${isMet ? 'passed' : 'FAILED'}  ${sentence}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
  const runMs = Number(values.minutes) * 60_000;
  if (!(runMs >= 60_000)) throw new Error('--minutes must be at least 1');
  const folder = mkdtempSync(join(tmpdir(), 'keyside-soak-'));
  const file = join(folder, 'samples');
  process.env.KEYSIDE_SOAK_SAMPLES = file;
  process.env.NODE_OPTIONS = `--import ${join(import.meta.dirname, 'heap-after-gc.ts')}`;
  const world = await FaultWorld.start();
  if ('missing' in world) throw new Error(world.missing);
  try {
    const tally: Tally = { calls: 0, failures: [] };
    const disturbed = await soak(world, tally, runMs);
    judgeCalls(tally, disturbed);
    judgeMemory(readSamples(file));
  } finally {
    await world.stop();
    rmSync(folder, { recursive: true });
  }
  console.log(`\n${checks.passed} passed, ${checks.failed} failed`);
  if (checks.failed > 0) process.exitCode = 1;
}

/** Runs the load; the failures that were nobody's weather are left in `tally`, the others returned. */
async function soak(world: FaultWorld, tally: Tally, runMs: number): Promise<Tally['failures']> {
  const endMs = performance.now() + runMs;
  const isWanted = (): boolean => performance.now() < endMs;
  const loads = world.tenants.map(({ id }) => new MixedLoad(world.daemon.tcp, id, tally).run(isWanted));
  const weather: Tally['failures'] = [];
  for (let cut = 0; performance.now() + QUIET_MS + CUT_MS + RECOVERY_MS < endMs; cut += 1) {
    await setTimeout(QUIET_MS);
    const victim = world.tenants[cut % world.tenants.length] as (typeof world.tenants)[number];
    const before = tally.failures.length;
    await victim.proxy.disturb('cut');
    await setTimeout(CUT_MS);
    await victim.proxy.restore('cut');
    await setTimeout(RECOVERY_MS);
    const during = tally.failures.splice(before);
    const isWeather = ({ tenantId, sentence }: Tally['failures'][number]): boolean =>
      tenantId === victim.id && WEATHER.some((reason) => sentence.includes(reason));
    weather.push(...during.filter(isWeather));
    tally.failures.push(...during.filter((failure) => !isWeather(failure)));
    const left = Math.max(0, Math.round((endMs - performance.now()) / 1_000));
    console.log(`${victim.id} was cut: ${during.length} of its calls failed; ${tally.calls} calls so far, ${left} s left`);
  }
  await Promise.all(loads);
  return weather;
}

function judgeCalls(tally: Tally, weather: Tally['failures']): void {
  console.log(`\n${tally.calls} calls, ${weather.length} failed of tenants whose KMS was cut`);
  check(tally.calls > 0 && tally.failures.length === 0, `${tally.failures.length} other calls failed`);
  for (const { tenantId, sentence } of tally.failures.slice(0, 5)) console.log(`          ${tenantId}: ${sentence}`);
  check(weather.length > 0, 'the cuts are noticed by those who are cut');
}

function judgeMemory(samples: readonly Sample[]): void {
  console.log(`\nmemory, ${samples.length} samples`);
  check(samples.length >= FEWEST_SAMPLES, `there are at least ${FEWEST_SAMPLES} samples`);
  judgeFlat('after garbage collection', { values: samples.map(({ heapBytes }) => heapBytes), spareMib: HEAP_SPARE_MIB });
  judgeFlat('resident', { values: samples.map(({ residentBytes }) => residentBytes), spareMib: RESIDENT_SPARE_MIB });
}

function judgeFlat(name: string, { values, spareMib }: { values: readonly number[]; spareMib: number }): void {
  const thirds = thirdsOf(values);
  const slope = slopeMibPerMinute(values.slice(Math.floor(values.length / 3)), SAMPLE_MS);
  const figures = `${thirds.middleMib.toFixed(1)} MiB in the middle third, ${thirds.lastMib.toFixed(1)} in the last`;
  check(isFlat(thirds, spareMib), `${name}: ${figures}, slope ${slope.toFixed(2)} MiB/min (at most ${spareMib} MiB more)`);
}

await main();
