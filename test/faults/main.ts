/**
 * `npm run faults [-- --short]`: ten tenants with keys of their own work at load, and the network to one tenant's KMS is cut, slowed
 * and reset. Prints what the nine others had of it, as ratios of parts that were taken in turns, and what became of the one.
 */
import { parseArgs } from 'node:util';
import { medianOf, renderFindings, summarise, verdictOf } from '../bench/finding.ts';
import type { NetworkFault } from '../counterparts/toxiproxy.ts';
import { ATTEMPT_MS, FaultWorld } from './fault-world.ts';
import { Others } from './others.ts';
import { median } from './percentile.ts';
import { isSpared, playRound, type RoundSeen } from './round.ts';
import { countedReasons, type VictimCall } from './victim.ts';

const FAULTS: readonly NetworkFault[] = ['cut', 'slow', 'reset'];
const GOALS = { throughput: { atLeast: 0.83 }, p99: { atMost: 1.2 } } as const;
/** An open breaker answers without asking anybody. */
const MAX_SPARED_MS = 50;
/** An attempt may be under way that still fails; then the breaker looks again after at most five seconds, and the call takes its time. */
const MAX_RECOVERY_MS = ATTEMPT_MS + 5_000 + 1_000;
const MAX_GROWTH_MIB = 64;
/** Rounds whose memory is compared, at the middle of the run and at its end: at the start, the heap still grows to its usual size. */
const COMPARED_ROUNDS = 5;
const WEATHER: readonly string[] = ['KMS_UNAVAILABLE', 'KMS_TIMEOUT'];

const checks = { passed: 0, failed: 0 };

function check(isMet: boolean, sentence: string): void {
  checks[isMet ? 'passed' : 'failed'] += 1;
  console.log(`  ${isMet ? 'passed' : 'FAILED'}  ${sentence}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });
  const { rounds, partMs } = values.short ? { rounds: 1, partMs: 1_500 } : { rounds: 5, partMs: 3_000 };
  const world = await FaultWorld.start();
  if ('missing' in world) throw new Error(world.missing);
  const others = new Others(world.daemon.tcp);
  try {
    const seen: RoundSeen[] = [];
    await warmUp(world, others);
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, fault] of FAULTS.entries()) {
        // With keys in the one KMS and in the other in turn.
        const victim = world.tenants[(round + at) % world.tenants.length] as (typeof world.tenants)[number];
        const result = await playRound(world, others, { fault, victim, partMs });
        seen.push(result);
        console.log(progress(result, round));
      }
    }
    await others.load([]);
    for (const fault of FAULTS) judgeFault(seen.filter((each) => each.fault === fault));
    judgeAll(seen, others);
    if (!values.short) judgeRatios(seen);
  } finally {
    await others.stop();
    await world.stop();
  }
  console.log(`\n${checks.passed} passed, ${checks.failed} failed`);
  if (checks.failed > 0) process.exitCode = 1;
}

/** One part that does not count. */
async function warmUp(world: FaultWorld, others: Others): Promise<void> {
  await others.load(world.tenants.map(({ id }) => id));
  await new Promise((done) => setTimeout(done, 4_000));
}

function progress({ fault, provider, quiet, disturbed, recoveryMs, quietMib, disturbedMib }: RoundSeen, round: number): string {
  const figures = [quiet, disturbed].map(
    ({ callsPerSecond, p99Ms }) => `${callsPerSecond.toFixed(0)} calls/s, p99 ${p99Ms.toFixed(1)} ms`,
  );
  const memory = `${quietMib.toFixed(0)} and ${disturbedMib.toFixed(0)} MiB`;
  const name = `round ${round + 1}, ${fault} (${provider})`.padEnd(24);
  return `${name} others quiet ${figures[0]}; disturbed ${figures[1]}; back in ${recoveryMs.toFixed(0)} ms; ${memory}`;
}

function judgeFault(rounds: readonly RoundSeen[]): void {
  const calls = rounds.flatMap(({ during }) => during);
  const spared = rounds.flatMap(({ during }) => sparedFromTheStart(during));
  const sparedMs = median(spared.map(({ tookMs }) => tookMs));
  const attempts = rounds.reduce((sum, { whileOpen }) => sum + whileOpen.attempts, 0);
  const open = rounds.reduce((sum, { whileOpen }) => sum + whileOpen.calls, 0);
  const recoveriesMs = rounds.map(({ recoveryMs }) => recoveryMs);
  const longestMs = Math.max(...recoveriesMs);
  console.log(`\n${rounds[0]?.fault}: the tenant whose KMS is disturbed`);
  check(
    rounds.every(({ well }) => well.length > 0 && well.every(({ reason }) => reason === 'OK')),
    'before the fault and after the recovery, all its calls succeed',
  );
  const failed = calls.filter(({ reason }) => reason !== 'OK');
  check(failed.length > 0 && failed.every(({ reason }) => WEATHER.includes(reason)), `its calls end in ${countedReasons(calls)}`);
  check(attempts * 4 < open, `the breaker opens: ${open} calls make ${attempts} attempts at the KMS`);
  check(
    sparedMs <= MAX_SPARED_MS,
    `once it is open, the answer takes ${sparedMs.toFixed(1)} ms (median; at most ${MAX_SPARED_MS})`,
  );
  check(
    longestMs <= MAX_RECOVERY_MS,
    `served again by itself ${(median(recoveriesMs) / 1_000).toFixed(1)} s after the fault ends (median; longest ${(longestMs / 1_000).toFixed(1)}, at most ${MAX_RECOVERY_MS / 1_000})`,
  );
}

function judgeAll(rounds: readonly RoundSeen[], others: Others): void {
  console.log('\nthe daemon and the nine others');
  check(
    others.calls > 0 && others.failures.length === 0,
    `${others.failures.length} of ${others.calls} calls of the others failed`,
  );
  for (const failure of others.failures.slice(0, 5)) console.log(`          ${failure}`);
  const growth = Math.max(...rounds.map(({ quietMib, disturbedMib }) => disturbedMib - quietMib));
  check(
    growth <= MAX_GROWTH_MIB,
    `in no fault its memory grows by more than ${growth.toFixed(0)} MiB (at most ${MAX_GROWTH_MIB})`,
  );
  if (rounds.length < 2 * COMPARED_ROUNDS) return;
  const memory = (some: readonly RoundSeen[]): number => median(some.map(({ disturbedMib }) => disturbedMib));
  const middle = memory(rounds.slice(-2 * COMPARED_ROUNDS, -COMPARED_ROUNDS));
  const last = memory(rounds.slice(-COMPARED_ROUNDS));
  const values = `${middle.toFixed(0)} MiB in the middle of the run, ${last.toFixed(0)} at its end`;
  check(last - middle <= MAX_GROWTH_MIB, `memory is bounded: ${values} (at most ${MAX_GROWTH_MIB} more)`);
}

function judgeRatios(rounds: readonly RoundSeen[]): void {
  const findings = Object.fromEntries(
    FAULTS.flatMap((fault) => {
      const ofFault = rounds.filter((each) => each.fault === fault);
      const ratios = (figure: 'callsPerSecond' | 'p99Ms') =>
        ofFault.map(({ quiet, disturbed }) => disturbed[figure] / quiet[figure]);
      return [
        [`${fault}: others' throughput`, summarise(ratios('callsPerSecond'), { goal: GOALS.throughput })],
        [`${fault}: others' p99`, summarise(ratios('p99Ms'), { goal: GOALS.p99 })],
      ] as const;
    }),
  );
  console.log(`\ndisturbed against quiet\n${renderFindings(findings)}`);
  for (const [name, finding] of Object.entries(findings))
    check(verdictOf(finding) === 'reached', `${name} ${medianOf(finding)?.toFixed(2)}`);
}

/** The open breaker's answers to calls that were started once it was open. */
function sparedFromTheStart(calls: readonly VictimCall[]): readonly VictimCall[] {
  const spared = calls.filter(isSpared);
  const openMs = Math.min(...spared.map(({ startedMs, tookMs }) => startedMs + tookMs));
  return spared.filter(({ startedMs }) => startedMs > openMs);
}

await main();
