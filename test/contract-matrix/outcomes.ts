import { run } from 'node:test';
import { type Column, filesOf, RUN_OPTIONS } from './columns.ts';

/** How one test ended, and what it said of itself. */
export interface Outcome {
  readonly name: string;
  readonly ended: 'passed' | 'failed' | 'skipped';
  /** Of a failure its message, of a skip its reason. */
  readonly why: string;
  readonly said: readonly string[];
}

/** Runs a column's tests, each file in a process of its own, and returns what they came to; suites are left out. */
export async function outcomesOf(column: Column, testNamePatterns: readonly RegExp[] = []): Promise<readonly Outcome[]> {
  const outcomes: (Outcome & { readonly said: string[] })[] = [];
  const patterns = testNamePatterns.length === 0 ? {} : { testNamePatterns: [...testNamePatterns] };
  for await (const event of run({ ...RUN_OPTIONS, ...patterns, files: [...filesOf([column])] })) {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      if (event.data.details.type !== 'suite') outcomes.push({ ...ended(event), said: [] });
    } else if (event.type === 'test:diagnostic') {
      // A test's diagnostics follow its own end.
      outcomes.at(-1)?.said.push(event.data.message);
    }
  }
  return outcomes;
}

interface Ended {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly skip?: string | boolean | undefined;
    readonly details: { readonly error?: Error };
  };
}

function ended({ type, data }: Ended): Omit<Outcome, 'said'> {
  const { name, skip, details } = data;
  if (skip !== undefined && skip !== false) return { name, ended: 'skipped', why: plain(String(skip)) };
  if (type === 'test:pass') return { name, ended: 'passed', why: '' };
  const { error } = details;
  const cause = error?.cause instanceof Error ? error.cause : error;
  return { name, ended: 'failed', why: plain(String(cause?.message ?? 'it failed')) };
}

/** One line that is the same on every machine. */
function plain(text: string): string {
  return (text.split('\n')[0] ?? '').replaceAll(`${RUN_OPTIONS.cwd}/`, '');
}
