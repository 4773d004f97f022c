/** Runs the test files of one group in one process and judges it: by what its tests did, and by what the process itself did. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Group } from './test-groups.ts';
import { type Counts, type Message, PIPE, QUIET_MS } from './test-messages.ts';

export interface Verdict {
  readonly group: Group;
  /** Zeros where the process ended before its tests had. */
  readonly counts: Counts;
  readonly skips: readonly string[];
  /** The tests that failed or were cancelled, each with where it is and its error. */
  readonly failures: readonly string[];
  /** What else was wrong. None of these is counted by `counts`. */
  readonly faults: readonly string[];
  /** What the tests printed. */
  readonly output: string;
  readonly seconds: number;
}

export interface Limits {
  /** For one test. */
  readonly testMs: number;
  /** So long a process may show no sign of life. Longer than a test may take. */
  readonly silenceMs: number;
  /** When all its tests have ended, so long a process may be kept by what closes by itself. */
  readonly quietMs: number;
}

const REPORTER = join(import.meta.dirname, 'test-reporter.ts');
/** When a process has ended, so long one that it started may still hold its output. */
const ORPHAN_MS = 10_000;
const NONE: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };

/** @returns the verdict; a process that cannot be started is a fault like others */
export async function runGroup(group: Group, limits: Limits): Promise<Verdict> {
  const start = performance.now();
  const flags = ['--test', '--test-isolation=none', `--test-timeout=${limits.testMs}`, `--test-reporter=${REPORTER}`];
  const child = spawn(process.execPath, [...flags, ...group.files], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: environment(limits),
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk));
  const messages: Message[] = [];
  const faults: string[] = [];
  const silence = setTimeout(() => {
    const last = messages.findLast(({ kind }) => kind === 'began' || kind === 'loaded');
    faults.push(
      `nothing was heard for ${limits.silenceMs / 1000} s, hence killed; the last it told of was ${JSON.stringify(last)}`,
    );
    child.kill('SIGKILL');
  }, limits.silenceMs);
  createInterface(child.stdio[PIPE] as Readable).on('line', (line) => {
    silence.refresh();
    try {
      messages.push(JSON.parse(line));
    } catch {
      faults.push(`was ended while it told: ${line}`);
    }
  });
  faults.push(...(await ending(child)));
  clearTimeout(silence);
  return {
    group,
    ...judge(group, messages, faults),
    output: Buffer.concat(output).toString(),
    seconds: (performance.now() - start) / 1000,
  };
}

/** Without what node tells the processes of its own runner, that they must report in a binary way. */
function environment({ quietMs }: Limits): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  return { ...rest, [QUIET_MS]: String(quietMs) };
}

/** Whether every test passed or was skipped, and nothing else was wrong. */
export function isGood({ counts, failures, faults }: Verdict): boolean {
  return failures.length + faults.length + counts.failed + counts.cancelled === 0;
}

/** Waits for the end of the process and of its streams, and tells what was wrong with it. */
function ending(child: ChildProcess): Promise<string[]> {
  const faults: string[] = [];
  return new Promise((fulfil) => {
    child.on('error', (error) => fulfil([`could not be started: ${error.message}`]));
    child.on('exit', (code, signal) => {
      if (signal !== null) faults.push(`was ended by ${signal}`);
      else if (code !== 0) faults.push(`ended with code ${code}`);
      const orphans = setTimeout(() => {
        faults.push('left a process running that holds its output');
        for (const stream of child.stdio) stream?.destroy();
      }, ORPHAN_MS);
      child.on('close', () => {
        clearTimeout(orphans);
        fulfil(faults);
      });
    });
  });
}

function judge(
  { files }: Group,
  messages: readonly Message[],
  ends: readonly string[],
): Omit<Verdict, 'group' | 'output' | 'seconds'> {
  const of = <K extends Message['kind']>(kind: K) =>
    messages.filter((each): each is Extract<Message, { kind: K }> => each.kind === kind);
  const [summary] = of('ended');
  const counts = summary?.counts ?? NONE;
  const failures = of('failed').map(({ text }) => text);
  const loaded = new Set(of('loaded').map(({ file }) => file));
  const faults = of('fault').map(({ text }) => text);
  if (summary === undefined && faults.length + ends.length === 0) faults.push('the process ended before its tests had');
  if (summary !== undefined && counts.tests === 0) faults.push('ran no tests');
  const unseen = files.filter((file) => !loaded.has(resolve(file)));
  if (unseen.length > 0) faults.push(`not run: ${unseen.join(', ')}`);
  faults.push(...of('empty').map(({ file }) => `${file} has no tests`));
  // The code of a process whose tests failed says nothing more.
  if (faults.length > 0 || failures.length === 0) faults.push(...ends);
  return { counts, skips: of('skipped').map(({ reason }) => reason), failures, faults };
}
