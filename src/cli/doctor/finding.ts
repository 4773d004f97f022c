/** How a check ended: `warn` may be meant so, `fail` keeps something from working or from being safe, `skip` was not looked at. */
type Verdict = 'ok' | 'warn' | 'fail' | 'skip';

/** What one check found. Holds no secret: it is printed, and pasted into tickets. */
export interface Finding {
  readonly verdict: Verdict;
  /** What was looked at: a file, an address, a key. */
  readonly what: string;
  readonly words: string;
  /** What to do about it, and who can. */
  readonly mend?: string | undefined;
  /** A reason of docs/errors.md, where there is one. */
  readonly reason?: string;
}

export const ok = (what: string, words: string): Finding => ({ verdict: 'ok', what, words });
export const skip = (what: string, words: string): Finding => ({ verdict: 'skip', what, words });
export const warn = (what: string, words: string, mend?: string): Finding => ({ verdict: 'warn', what, words, mend });
export const fail = (what: string, words: string, mend?: string): Finding => ({ verdict: 'fail', what, words, mend });

const SHOWN = { ok: 'ok', warn: 'warn', fail: 'FAIL', skip: 'skip' } as const satisfies Record<Verdict, string>;

/** One line, `FAIL  what: words`, and below it what to do, where there is something to do. */
export function renderFinding({ verdict, what, words, mend }: Finding): string {
  return `${SHOWN[verdict].padEnd(4)}  ${what}: ${words}${mend === undefined ? '' : `\n${BELOW}${mend}`}`;
}

/** As wide as a verdict and what follows it. */
const BELOW = ' '.repeat(6);

export type Counts = Readonly<Record<Verdict, number>>;

export function countVerdicts(findings: readonly Finding[]): Counts {
  const counts = { ok: 0, warn: 0, fail: 0, skip: 0 };
  for (const { verdict } of findings) counts[verdict] += 1;
  return counts;
}

/** The last line. */
export function renderCounts({ ok: good, warn: warned, fail: failed, skip: skipped }: Counts): string {
  const checks = good + warned + failed;
  const result = failed === 0 ? 'nothing fails' : `${failed} failed`;
  const rest = [warned > 0 ? `${warned} to look at` : '', skipped > 0 ? `${skipped} skipped` : ''].filter((text) => text !== '');
  return `${checks} ${checks === 1 ? 'check' : 'checks'}: ${[result, ...rest].join(', ')}`;
}
