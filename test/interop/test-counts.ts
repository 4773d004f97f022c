import { stripVTControlCharacters } from 'node:util';

/** What a client's own test runner counted. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export type Runner = 'node' | 'pytest' | 'go' | 'maven';

/** Of a runner's output; undefined where it says nothing of tests that ran. */
export function testCounts(runner: Runner, output: string): TestCounts | undefined {
  const counts = COUNTERS[runner](stripVTControlCharacters(output));
  return counts.passed + counts.failed === 0 ? undefined : counts;
}

const COUNTERS: Readonly<Record<Runner, (output: string) => TestCounts>> = {
  // `ℹ pass 12`, `# fail 0`
  node: (output) => {
    const of = (word: string): number => total(output, new RegExp(`^[ℹ#] ${word} (\\d+)$`, 'gm'));
    return { passed: of('pass'), failed: of('fail') + of('cancelled'), skipped: of('skipped') };
  },
  // `=== 12 passed, 1 skipped in 0.52s ===`
  pytest: (output) => {
    const summary = output.match(/^.*\d+ (?:passed|failed|errors?|skipped)\b.* in [\d.]+s.*$/gm)?.at(-1) ?? '';
    const of = (word: string): number => total(summary, new RegExp(`(\\d+) ${word}\\b`, 'g'));
    return { passed: of('passed'), failed: of('failed') + of('errors?'), skipped: of('skipped') };
  },
  // `--- PASS: TestName (0.00s)` of `go test -v`; subtests, which are indented, count within their test
  go: (output) => {
    const of = (word: string): number => (output.match(new RegExp(`^--- ${word}: `, 'gm')) ?? []).length;
    return { passed: of('PASS'), failed: of('FAIL'), skipped: of('SKIP') };
  },
  // `Tests run: 12, Failures: 0, Errors: 0, Skipped: 1` without the `-- in Class` of one class
  maven: (output) => {
    const line = /Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)$/gm;
    let [passed, failed, skipped] = [0, 0, 0];
    for (const [, run, failures, errors, skips] of output.matchAll(line)) {
      failed += Number(failures) + Number(errors);
      skipped += Number(skips);
      passed += Number(run) - Number(failures) - Number(errors) - Number(skips);
    }
    return { passed, failed, skipped };
  },
};

function total(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, count]) => sum + Number(count), 0);
}
