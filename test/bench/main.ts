import { parseArgs } from 'node:util';
import { BENCHMARKS } from './all.ts';
import { type Benchmark, NotRun, type Scale } from './benchmark.ts';
import { type Finding, type Findings, renderFindings, summarise } from './finding.ts';
import { keep, startOfRun } from './results.ts';

const FULL: Scale = { rounds: 5, share: 1 };
const QUICK: Scale = { rounds: 2, share: 0.1 };

/**
 * `npm run bench [-- NAME…] [--json] [--keep] [--quick]`: each figure with its goal. `--keep` writes the run into `results`, from which
 * docs/benchmarks.md takes the newest of each figure; `--quick` is for work on the benchmarks themselves. Ends in 1 where a benchmark failed.
 */
async function main(): Promise<void> {
  const boolean = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: boolean, keep: boolean, quick: boolean },
  });
  if (values.keep && values.quick) throw new Error('a quick run is not kept');
  const wanted = BENCHMARKS.filter(({ figures }) => positionals.length === 0 || positionals.some((name) => name in figures));
  const known = BENCHMARKS.flatMap(({ figures }) => Object.keys(figures));
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no benchmark is called ${unknown.join(' or ')}; there are ${known.join(', ')}`);
  const start = startOfRun();
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
