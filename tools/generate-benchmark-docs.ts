/**
 * Writes docs/benchmarks.md with its plot and flame graphs, and the table in README.md, from the runs and profiles that are kept in
 * test/bench/results: of each figure the newest. Measures nothing.
 */
import { readFileSync } from 'node:fs';
import { BENCHMARKS } from '../test/bench/all.ts';
import { cellsOf, type Figure, type Finding, goalText, verdictOf } from '../test/bench/finding.ts';
import { keptProfiles, type Profile } from '../test/bench/profiles.ts';
import { keptResults, type Result } from '../test/bench/results.ts';
import { plot } from './benchmark-plot.ts';
import { flameGraph } from './flame-graph.ts';
import { writeOrCheck } from './generated-file.ts';

/** Beyond it, other programs took a good part of a core while the run began. */
const QUIET_LOAD = 0.5;
/** The least share of a profile that an explanation names. */
const MENTIONED = 0.04;
/** Functions of a profile in its table. */
const LISTED = 8;

const HOW = `## How

Both sides of a ratio are measured in turns, in one run and on one machine; a first round does not count, and the figure is the median
of the others. But for \`audit_one_tenant\`, which is held against a limit that is one, no figure is an absolute throughput: those belong to a
machine.

* The daemon runs in a process of its own, built as \`main\` builds it, on software keys and with the audit trail off but for \`audit_…\`. An empty
  call and an echo live beside it in the same process ([test/bench/server.ts](../test/bench/server.ts)).
* \`h2load\` makes the load of unary calls from its own process: one connection, one body. It sees no gRPC status, so a checking client
  opens what was sealed before the rounds, and after each round the daemon tells how its calls ended: one that failed fails the run.
  That is what a checking load generator such as \`ghz\` would add; it would also take processor time from the daemon's core.
* Streams come from a grpc-js client that compares every byte that DecryptStream gives. Processor time is what the kernel counts for
  the daemon's process, all threads and system calls included.
* Start and memory are the compiled daemon's, as the image has it.
* What cannot run says why and counts as not reached. Of each figure the newest run that is kept is shown, with that run's number.

    npm run bench                        # all
    npm run bench -- encrypt_vs_empty    # one, or several
    npm run bench -- --json              # for programs
    npm run bench -- --keep              # keeps the run in test/bench/results; then npm run generate
    npm run bench -- batch100_vs_unary --profile [--keep]    # where the time goes, instead of the figure
`;

const results = keptResults();
const profiles = keptProfiles();
const rows = BENCHMARKS.flatMap(({ figures }) => {
  const entries = Object.entries(figures);
  // One profile for all figures of a benchmark, under the name of the first.
  const profiled = entries[0]?.[0] ?? '';
  return entries.map(([name, figure]) => ({ name, figure, profiled, ...newest(name, figure) }));
});
const runs = results.filter((result) => rows.some(({ run }) => run === result)).reverse();
writeOrCheck('docs/benchmarks.svg', plot(rows));
for (const [name, profile] of profiles) writeOrCheck(`docs/benchmarks/${name}.svg`, drawn(name, profile));
writeOrCheck('docs/benchmarks.md', page());
writeOrCheck('README.md', readmeWith(shortTable()));

interface Row {
  readonly name: string;
  readonly figure: Figure;
  /** The name of its benchmark's profile, whether there is one or not. */
  readonly profiled: string;
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
${section('Not reached', 'not reached', whyNot)}${section('Not run', 'not run', ({ finding }) => ('notRun' in finding ? finding.notRun : ''))}${profileSection()}${HOW}`;
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

/** What the profile shows, after what the figure itself says. Memory is nothing that a profile of time explains. */
function whyNot({ figure, profiled }: Row): string {
  const profile = figure.unit === 'MiB' ? undefined : profiles.get(profiled);
  if (profile === undefined) return figure.shortfall ?? 'no profile of it is kept.';
  const groups = profile.groups.filter(([, share]) => share >= MENTIONED).map(([group, share]) => `${group} ${percent(share)}`);
  const shown = `Of the time sampled: ${groups.join(', ')} ([flame graph](benchmarks/${profiled}.svg)).`;
  return figure.shortfall === undefined ? shown : `${figure.shortfall} ${shown}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 1 : 0)} %`;
}

function profileSection(): string {
  if (profiles.size === 0) return '';
  return `## Where the time goes

Samples of the main thread while it serves the benchmark's own side, by \`npm run bench -- NAME --profile --keep\`; idle time is left out. What
Node has compiled in counts for the group that called it; *outside JavaScript* is what nobody on a stack called: sockets and threads.

${[...profiles].map(([name, profile]) => profileTable(name, profile)).join('')}`;
}

function profileTable(name: string, { top, about, sampledMs }: Profile): string {
  const lines = top.slice(0, LISTED).map(([key, share]) => {
    const [functionName = '', group = ''] = key.split('\t');
    return `| \`${functionName}\` | ${group} | ${percent(share)} |\n`;
  });
  const { date, commit } = about;
  return `### ${name}

[Flame graph](benchmarks/${name}.svg) of ${sampledMs} ms sampled, ${date.slice(0, 10)}, commit ${commit.replace('+', ' with changes on top')}.

| function | group | itself |
|---|---|---|
${lines.join('')}
`;
}

function drawn(name: string, { sampledMs, about, stacks }: Profile): string {
  return flameGraph(`${name}: ${sampledMs} ms sampled, Node ${about.machine.node}`, stacks);
}

/** Name, figure and goal of each, for README.md. */
function shortTable(): string {
  const reached = rows.filter(({ finding }) => verdictOf(finding) === 'reached').length;
  const lines = rows.map(({ name, figure, finding }) => {
    const [median] = cellsOf(finding);
    const unit = figure.unit === undefined || median === '–' ? '' : ` ${figure.unit}`;
    return `| \`${name}\` | ${median}${unit} | ${goalText(finding.goal)} | ${verdictOf(finding)} |\n`;
  });
  return `${reached} of ${rows.length} goals are reached. What each figure means, how it is measured and what stands in the way of the others:
[docs/benchmarks.md](docs/benchmarks.md).

| benchmark | figure | goal | |
|---|---|---|---|
${lines.join('')}
![Each figure in relation to its goal](docs/benchmarks.svg)
`;
}

function readmeWith(table: string): string {
  const [begin, end] = ['<!-- benchmarks: written by npm run generate -->\n', '<!-- end of benchmarks -->'];
  const readme = readFileSync('README.md', 'utf8');
  const [before, after] = [readme.indexOf(begin), readme.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`README.md lacks the lines ${begin.trim()} and ${end}`);
  return `${readme.slice(0, before)}${begin}\n${table}\n${readme.slice(after)}`;
}
