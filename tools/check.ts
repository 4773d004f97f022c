/**
 * Runs every gate and says of each in one line how it ended, how long it took and how much it saw; then what the failed ones said.
 * A gate that saw less than it must has failed: it would pass whatever the sources hold. Names as arguments run only these gates.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

interface Gate {
  readonly name: string;
  /** A line for the shell. */
  readonly command: string;
  /** Finds in the output how much was seen: a number where it captures one, else how often it matches. */
  readonly evidence: RegExp;
  readonly what: string;
  readonly atLeast: number;
  /** Lines of the output that only serve as evidence. */
  readonly noise?: RegExp;
}

interface Outcome {
  readonly gate: Gate;
  readonly passed: boolean;
  readonly seen: number;
  readonly seconds: number;
  readonly output: string;
}

const GATES: readonly Gate[] = [
  {
    name: 'format and lint',
    command: 'biome ci --colors=off --max-diagnostics=50 .',
    evidence: /Checked (\d+) files/,
    what: 'files',
    atLeast: 100,
  },
  {
    name: 'types',
    command: 'tsc --noEmit --listFiles',
    evidence: /^(?!.*\/node_modules\/).*\.ts$/gm,
    what: 'files',
    atLeast: 100,
    noise: /^\/.*\.[cm]?ts$\n?/gm,
  },
  {
    name: 'import fences',
    command: 'node --test test/architecture/imports.test.ts',
    evidence: /judged (\d+) files/,
    what: 'files',
    atLeast: 50,
  },
  {
    name: 'proto format and lint',
    command: 'buf format --diff --exit-code proto && buf lint && buf ls-files proto',
    evidence: /\.proto$/gm,
    what: 'files',
    atLeast: 5,
  },
  {
    name: 'proto compatibility',
    command: 'buf breaking proto --against proto/released.binpb --exclude-imports && buf ls-files proto/released.binpb',
    evidence: /\.proto$/gm,
    what: 'files',
    atLeast: 5,
  },
  {
    name: 'generated code and docs',
    command: 'node tools/generate.ts --check',
    evidence: /current$/gm,
    what: 'generators',
    atLeast: 3,
  },
  {
    name: 'licences',
    command: 'node tools/check-licences.ts',
    evidence: /(\d+) packages have/,
    what: 'packages',
    atLeast: 20,
  },
  {
    name: 'dead code',
    command: 'knip --no-progress --treat-config-hints-as-errors --performance-fn getImportsAndExports',
    evidence: /^getImportsAndExports\s+(\d+)/m,
    what: 'files',
    atLeast: 100,
    noise: /^(Name +size.*|-{4}.*|getImportsAndExports .*|Total running time.*)$\n?/gm,
  },
];

/**
 * Runs when the others have ended: it measures time, and they would take the cores from it. Without the integration tests, which start
 * daemons and are part of `npm test`.
 */
const TESTS: Gate = {
  name: 'tests',
  command: 'npm run test:fast --silent',
  evidence: /^ℹ tests (\d+)/m,
  what: 'tests',
  atLeast: 1000,
};

const PARALLEL = 2;
/** A gate that takes longer hangs: it is ended and has failed. */
const LIMIT_MS = 180_000;
/** As npm sets it, so that this file also runs by itself. */
const ENVIRONMENT = { ...process.env, PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}` };

const started = performance.now();
const wanted = process.argv.slice(2);
const isWanted = (gate: Gate): boolean => wanted.length === 0 || wanted.includes(gate.name);
const outcomes = [...(await runAll(GATES.filter(isWanted), PARALLEL)), ...(await runAll([TESTS].filter(isWanted), 1))];
const failed = outcomes.filter(({ passed }) => !passed);
for (const { gate, output } of failed)
  console.log(`\n--- ${gate.name}: ${gate.command}\n${output.replace(gate.noise ?? /$^/, '')}`);
const total = secondsSince(started).toFixed(1);
console.log(`\n${outcomes.length - failed.length} of ${outcomes.length} gates passed in ${total} s`);
if (failed.length > 0 || outcomes.length === 0) process.exitCode = 1;

async function runAll(gates: readonly Gate[], parallel: number): Promise<Outcome[]> {
  const waiting = [...gates];
  const done: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) done.push(report(await run(gate)));
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return done;
}

function run(gate: Gate): Promise<Outcome> {
  const start = performance.now();
  // In a process group of its own, so that a gate that hangs ends with all it started.
  const child = spawn(gate.command, { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT });
  const end = (): void => void process.kill(-(child.pid as number), 'SIGTERM');
  const limit = setTimeout(end, LIMIT_MS);
  process.once('SIGINT', end);
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk;
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return new Promise((fulfil, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(limit);
      process.off('SIGINT', end);
      const seen = countSeen(gate, output);
      fulfil({ gate, passed: code === 0 && seen >= gate.atLeast, seen, seconds: secondsSince(start), output });
    });
  });
}

function countSeen({ evidence }: Gate, output: string): number {
  if (evidence.global) return output.match(evidence)?.length ?? 0;
  return Number(evidence.exec(output)?.[1] ?? 0);
}

function report(outcome: Outcome): Outcome {
  const { gate, passed, seen, seconds } = outcome;
  const short = seen < gate.atLeast ? `, but must see ${gate.atLeast}` : '';
  const time = `${seconds.toFixed(1)} s`.padStart(7);
  console.log(`${passed ? 'ok  ' : 'FAIL'}  ${gate.name.padEnd(24)} ${time}  saw ${seen} ${gate.what}${short}`);
  return outcome;
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
