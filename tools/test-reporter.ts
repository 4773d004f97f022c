/**
 * The reporter of one test process: tells tools/test-process.ts over a pipe of its own what happened, so that nothing a test prints can
 * pass for a result. It writes synchronously: what it told is not lost with the process.
 */
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { relative, resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { type Counts, type Message, PIPE, QUIET_MS } from './test-messages.ts';

/** When every test has ended, so long the process may still be kept by what closes by itself. */
const quietMs = Number(process.env[QUIET_MS]);
/** What node says of an error that came after its test: it fails the process, and no test. */
const LATE = /asynchronous activity after the test ended/;

const loaded = new Set<string>();
const names = new Map<number, string>();
const initial = processState();
let open = 0;
let ended = false;
let quiet: NodeJS.Timeout | undefined;

// Taken before a test replaces them by fake ones.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

registerHooks({
  load(url, context, next) {
    if (url.endsWith('.test.ts')) note(url);
    return next(url, context);
  },
});

process.on('exit', () => {
  // Within process.exit(), hence the stack shows who called it.
  if (!ended) tell({ kind: 'fault', text: `the process ended before its tests had\n${callers()}` });
});

// biome-ignore lint/style/noDefaultExport: node takes a reporter from there
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    judge(event);
    watch(event);
  }
  // Nothing for the terminal: results go over the pipe.
  yield '';
}

function judge({ type, data }: TestEvent): void {
  if (type === 'test:enqueue') names.set(data.testId, [names.get(data.parentId ?? 0), data.name].filter(Boolean).join(' > '));
  if (type === 'test:dequeue') tell({ kind: 'began', name: names.get(data.testId) ?? data.name });
  if (type === 'test:pass' && data.skip !== undefined)
    tell({ kind: 'skipped', reason: data.skip === true ? 'no reason given' : String(data.skip) });
  if (type === 'test:pass' && isFile(data)) tell({ kind: 'empty', file: data.name });
  if (type === 'test:fail' && data.todo === undefined) fail(data);
  if (type === 'test:diagnostic' && LATE.test(data.message)) tell({ kind: 'fault', text: data.message });
  if (type === 'test:summary') end(data.counts);
}

type Failure = Extract<TestEvent, { type: 'test:fail' }>['data'];

/** Node counts a file that has no tests as one test of the file's name. */
function isFile({ name, nesting, line, column }: Failure | Extract<TestEvent, { type: 'test:pass' }>['data']): boolean {
  return nesting === 0 && line === 1 && column === 1 && loaded.has(resolve(name));
}

function fail({ details: { error }, file = '', line, column, name, testId }: Failure): void {
  const { failureType, cause } = error as { failureType?: string; cause?: unknown };
  if (failureType === 'subtestsFailed') return;
  const text = inspect(failureType === undefined ? error : (cause ?? error), { depth: 6 }).replace(/^/gm, '  ');
  tell({ kind: 'failed', text: `${relative('', file)}:${line}:${column}\n✖ ${names.get(testId) ?? name}\n${text}` });
}

function end(counts: Omit<Counts, 'failed'>): void {
  ended = true;
  const { tests, passed, cancelled, skipped, todo } = counts;
  for (const [what, value] of loaded.size > 1 ? Object.entries(processState()) : [])
    if (value !== initial[what])
      tell({ kind: 'fault', text: `a test changed ${what} and left it so, for the tests of other files` });
  tell({ kind: 'ended', counts: { ...counts, failed: tests - passed - cancelled - skipped - todo } });
}

/** Ends a process whose tests have ended, but that something they left open keeps. */
function watch({ type, data }: TestEvent): void {
  if (type === 'test:enqueue' && data.nesting === 0) open += 1;
  if (type === 'test:complete' && data.nesting === 0) open -= 1;
  stopTimer(quiet);
  if (open > 0 || ended) return;
  quiet = startTimer(() => {
    ended = true;
    const left = process.getActiveResourcesInfo().join(', ');
    tell({ kind: 'fault', text: `every test has ended, but something they left open keeps the process: ${left}` });
    process.exit(1);
  }, quietMs).unref();
}

/** What tests of one process share beyond modules, each with what it is now. */
function processState(): Readonly<Record<string, unknown>> {
  const { Date: date, setTimeout: timeout, setInterval: interval, setImmediate: immediate } = globalThis;
  return {
    'the environment': JSON.stringify(Object.entries(process.env).sort()),
    'the working folder': process.cwd(),
    'the umask': process.umask(),
    Date: date,
    'Date.now': date.now,
    setTimeout: timeout,
    setInterval: interval,
    setImmediate: immediate,
  };
}

function note(url: string): void {
  const file = fileURLToPath(url);
  loaded.add(file);
  tell({ kind: 'loaded', file });
}

function callers(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  return frames.filter((frame) => !/\bnode:|\btest-reporter\.ts/.test(frame)).join('\n');
}

function tell(message: Message): void {
  writeSync(PIPE, `${JSON.stringify(message)}\n`);
}
