/**
 * Runs all tests of the folders or files it is given: two processes at a time, one for each folder of tests (tools/test-groups.ts). Says of
 * each process in one line how it ended, then what failed, and last node's summary, of all. Fails where a test fails, and where a process
 * does not run every test of every file, or leaves something behind.
 */
import { groupTests } from './test-groups.ts';
import type { Counts } from './test-messages.ts';
import { isGood, runGroup, type Verdict } from './test-process.ts';

const PARALLEL = 2;
const LIMITS = { testMs: 120_000, silenceMs: 150_000, quietMs: 10_000 };

const start = performance.now();
const waiting = groupTests(process.argv.slice(2));
const verdicts: Verdict[] = [];
await Promise.all(Array.from({ length: PARALLEL }, work));
for (const verdict of verdicts) explain(verdict);
summarize();

async function work(): Promise<void> {
  for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
    const verdict = await runGroup(group, LIMITS);
    verdicts.push(verdict);
    const { name, files, reason } = group;
    const seen = [`${verdict.counts.tests} tests`, ...(reason === undefined ? [`${files.length} files`] : [`alone: ${reason}`])];
    console.log(`${isGood(verdict) ? '✔' : '✖'} ${`${verdict.seconds.toFixed(1)} s`.padStart(7)}  ${name} (${seen.join(', ')})`);
  }
}

function explain(verdict: Verdict): void {
  if (isGood(verdict)) return;
  const { group, failures, faults, output } = verdict;
  console.log(`\n--- ${group.name}`);
  if (output !== '') console.log(`printed by its tests:\n${output.replace(/^/gm, '  ')}`);
  for (const failure of failures) console.log(`\n${failure}`);
  for (const fault of faults) console.log(`\n✖ ${fault}`);
}

/** In the words of node's summary, which scripts count by. A process with faults counts as a failure: none of its tests may have failed. */
function summarize(): void {
  const sum = (what: keyof Counts): number => verdicts.reduce((total, { counts }) => total + counts[what], 0);
  const faulty = verdicts.filter(
    (each) => !isGood(each) && (each.faults.length > 0 || each.counts.failed + each.counts.cancelled === 0),
  ).length;
  const reasons = Map.groupBy(verdicts.flatMap(({ skips }) => skips).sort(), (reason) => reason);
  console.log('');
  for (const [reason, skips] of reasons) console.log(`skipped ${skips.length}: ${reason}`);
  const lines = {
    files: verdicts.reduce((total, { group }) => total + group.files.length, 0),
    tests: sum('tests'),
    suites: sum('suites'),
    pass: sum('passed'),
    fail: sum('failed') + faulty,
    cancelled: sum('cancelled'),
    skipped: sum('skipped'),
    todo: sum('todo'),
    duration_ms: Math.round(performance.now() - start),
  };
  for (const [what, value] of Object.entries(lines)) console.log(`ℹ ${what} ${value}`);
  if (verdicts.length === 0 || !verdicts.every(isGood)) process.exitCode = 1;
}
