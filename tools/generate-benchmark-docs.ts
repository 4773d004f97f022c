/** Writes docs/benchmarks.md and its plot from the runs that are kept in test/bench/results: of each figure the newest. Measures nothing. */
import { BENCHMARKS } from '../test/bench/all.ts';
import { cellsOf, type Figure, type Finding, verdictOf } from '../test/bench/finding.ts';
import { keptResults, type Result } from '../test/bench/results.ts';
import { plot } from './benchmark-plot.ts';
import { writeOrCheck } from './generated-file.ts';

/** Beyond it, other programs took a good part of a core while the run began. */
const QUIET_LOAD = 0.5;

const HOW = `## How

Both sides of a ratio are measured in turns, in one run and on one machine; a first round does not count, and the figure is the median
of the others. No figure is an absolute throughput: those belong to a machine.

* The daemon runs in a process of its own, built as \`main\` builds it, on software keys and with the audit trail off. An empty call and
  an echo live beside it in the same process ([test/bench/server.ts](../test/bench/server.ts)).
* \`h2load\` makes the load of unary calls from its own process: one connection, one body. It sees no gRPC status, so a checking client
  opens what was sealed before the rounds, and after each round the daemon tells how its calls ended: one that failed fails the run.
* Streams come from a grpc-js client that compares every byte that DecryptStream gives. Processor time is what the kernel counts for
  the daemon's process, all threads and system calls included.
* Start and memory are the compiled daemon's, as the image has it.
* What cannot run says why and counts as not reached. Of each figure the newest run that is kept is shown, with that run's number.

    npm run bench                        # all
    npm run bench -- encrypt_vs_empty    # one, or several
    npm run bench -- --json              # for programs
    npm run bench -- --keep              # keeps the run in test/bench/results; then npm run generate
`;

const results = keptResults();
const rows = BENCHMARKS.flatMap(({ figures }) => Object.entries(figures)).map(([name, figure]) => ({
  name,
  figure,
  ...newest(name, figure),
}));
const runs = results.filter((result) => rows.some(({ run }) => run === result)).reverse();
writeOrCheck('docs/benchmarks.svg', plot(rows));
writeOrCheck('docs/benchmarks.md', page());

interface Row {
  readonly name: string;
  readonly figure: Figure;
  readonly finding: Finding;
  /** Undefined where no run that is kept measured it. */
  readonly run: Result | undefined;
}

function newest(name: string, figure: Figure): Pick<Row, 'finding' | 'run'> {
  const run = results.find(({ findings }) => name in findings);
  const finding = run?.findings[name] ?? { notRun: 'no run that is kept has it', goal: figure.goal };
  return { finding, run };
}

function page(): string {
  const reached = rows.filter(({ finding }) => verdictOf(finding) === 'reached').length;
  return `# Benchmarks

${reached} of ${rows.length} goals are reached. A goal that is not stays here with its figure; none is lowered to fit.

${runs.map((run, at) => `${at + 1}. ${circumstances(run)}\n`).join('')}
![Each figure in relation to its goal](benchmarks.svg)

| benchmark | what | figure | low–high | rounds | goal | | run |
|---|---|---|---|---|---|---|---|
${rows.map(line).join('')}
${section('Not reached', 'not reached', ({ figure }) => figure.shortfall)}${section('Not run', 'not run', ({ finding }) => ('notRun' in finding ? finding.notRun : ''))}${HOW}`;
}

function circumstances({ date, commit, machine }: Result): string {
  const { cpu, cores, memoryGib, system, node, loadBefore } = machine;
  const beside =
    loadBefore > QUIET_LOAD
      ? `Other work ran beside it (a load of ${loadBefore} before it began): small differences are uncertain, and latencies most of all.`
      : 'Nothing else ran beside it.';
  const tree = commit.endsWith('+') ? `commit ${commit.slice(0, -1)} with changes on top` : `commit ${commit}`;
  return `Run of ${date.slice(0, 10)}, ${tree}: ${cores} cores (${cpu}), ${memoryGib} GiB, ${system}, Node ${node}. ${beside}`;
}

function line({ name, figure, finding, run }: Row): string {
  const [median, ...rest] = cellsOf(finding);
  const unit = figure.unit === undefined || median === '–' ? '' : ` ${figure.unit}`;
  return `| \`${name}\` | ${figure.what} | ${median}${unit} | ${rest.join(' | ')} | ${run === undefined ? '–' : runs.indexOf(run) + 1} |\n`;
}

/** A line for each figure that ended so, or nothing where none did. */
function section(title: string, verdict: ReturnType<typeof verdictOf>, why: (row: Row) => string): string {
  const lines = rows.filter(({ finding }) => verdictOf(finding) === verdict).map((row) => `* \`${row.name}\`: ${why(row)}\n`);
  return lines.length === 0 ? '' : `## ${title}\n\n${lines.join('')}\n`;
}
