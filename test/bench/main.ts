import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './all.ts';
import { type Benchmark, NotRun, type Round, type Scale } from './benchmark.ts';
import { type Finding, type Findings, renderFindings, summarise } from './finding.ts';
import { keepProfile, profileOf, renderProfile } from './profiles.ts';
import { profiling } from './profiling.ts';
import { keep, type Result, startOfRun } from './results.ts';

const FULL: Scale = { rounds: 5, share: 1 };
const QUICK: Scale = { rounds: 2, share: 0.1 };
/** Figures that are measured beside the profiler are none: one round for its samples. */
const PROFILED: Scale = { rounds: 1, share: 1 };

/**
 * `npm run bench [-- NAME…] [--json] [--keep] [--quick] [--profile]`: each figure with its goal. `--keep` writes the run into `results`,
 * from which docs/benchmarks.md takes the newest of each figure; `--quick` is for work on the benchmarks themselves. `--profile` says
 * instead where the daemon's time goes, and with `--keep` docs/benchmarks.md draws it. Ends in 1 where a benchmark failed.
 */
async function main(): Promise<void> {
  const boolean = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: boolean, keep: boolean, quick: boolean, profile: boolean },
  });
  if (values.keep && values.quick) throw new Error('a quick run is not kept');
  const wanted = BENCHMARKS.filter(({ figures }) => positionals.length === 0 || positionals.some((name) => name in figures));
  const known = BENCHMARKS.flatMap(({ figures }) => Object.keys(figures));
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no benchmark is called ${unknown.join(' or ')}; there are ${known.join(', ')}`);
  const start = startOfRun();
  if (values.profile) {
    for (const benchmark of wanted) await profile(benchmark, { start, isKept: values.keep });
    return;
  }
  const findings: Record<string, Finding> = {};
  for (const benchmark of wanted) {
    process.stderr.write(`# ${Object.keys(benchmark.figures).join(', ')}\n`);
    Object.assign(findings, await measure(benchmark, values.quick ? QUICK : FULL));
    // Each time: a run that is broken off leaves what it found.
    if (values.keep) keep({ ...start, findings });
  }
  process.stdout.write(`${values.json ? JSON.stringify(findings, null, 2) : renderFindings(findings)}\n`);
  if (values.keep) process.stderr.write(`# kept in ${keep({ ...start, findings })}\n`);
}

/** Runs the benchmark for its samples; they go under the name of its first figure. */
async function profile(
  { figures, prepare }: Benchmark,
  { start, isKept }: { start: Omit<Result, 'findings'>; isKept: boolean },
): Promise<void> {
  const [name = ''] = Object.keys(figures);
  profiling.directory = mkdtempSync(join(tmpdir(), 'keyside-profile-'));
  try {
    await measure({ figures, prepare: (_, stack) => prepare(PROFILED, stack).then(forgettingTheFirst) }, PROFILED);
    const found = profileOf(profiling.take(), start);
    process.stdout.write(`# ${name}: ${found === undefined ? 'nothing was sampled' : renderProfile(found)}\n`);
    if (isKept && found !== undefined) process.stderr.write(`# kept in ${keepProfile(name, found)}\n`);
  } finally {
    rmSync(profiling.directory, { recursive: true });
  }
}

/** The first round warms up: its samples are dropped. */
function forgettingTheFirst(round: Round): Round {
  let rounds = 0;
  return async () => {
    const found = await round();
    if (rounds === 0) profiling.take();
    rounds += 1;
    return found;
  };
}

async function measure({ figures, prepare }: Benchmark, scale: Scale): Promise<Findings> {
  const rounds: Readonly<Record<string, number>>[] = [];
  try {
    await using stack = new AsyncDisposableStack();
    const round = await prepare(scale, stack);
    await round();
    while (rounds.length < scale.rounds) rounds.push(await round());
  } catch (error) {
    if (!(error instanceof NotRun)) process.exitCode = 1;
    const notRun = `${error instanceof NotRun ? '' : 'it failed: '}${(error as Error).message.split('\n')[0]}`;
    process.stderr.write(`# not run: ${error instanceof NotRun ? notRun : (error as Error).stack}\n`);
    return mapped(figures, (_, { goal }) => ({ notRun, goal }));
  }
  return mapped(figures, (name, figure) =>
    summarise(
      rounds.map((round) => round[name] as number),
      figure,
    ),
  );
}

function mapped(figures: Benchmark['figures'], find: (name: string, figure: Benchmark['figures'][string]) => Finding): Findings {
  return Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, find(name, figure)]));
}

await main();
