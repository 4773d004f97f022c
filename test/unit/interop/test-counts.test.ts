import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Runner, type TestCounts, testCounts } from '../../interop/test-counts.ts';

/** What the runners print, cut to the lines that matter and some that must not count. */
const table: readonly { name: string; runner: Runner; output: string; want: TestCounts | undefined }[] = [
  {
    name: 'node, in colour',
    runner: 'node',
    output:
      '\u001b[34mℹ tests 4\u001b[39m\n\u001b[34mℹ pass 2\u001b[39m\nℹ fail 1\nℹ cancelled 1\nℹ skipped 3\n  ℹ pass 9 within a line',
    want: { passed: 2, failed: 2, skipped: 3 },
  },
  {
    name: 'pytest',
    runner: 'pytest',
    output: 'SKIPPED [1] tests/a.py:3: 7 passed in vain\n== 1 failed, 12 passed, 2 skipped, 1 error in 3.21s ==\n',
    want: { passed: 12, failed: 2, skipped: 2 },
  },
  { name: 'pytest, quiet', runner: 'pytest', output: '..\n2 passed in 0.01s\n', want: { passed: 2, failed: 0, skipped: 0 } },
  {
    name: 'go, of two packages',
    runner: 'go',
    output:
      '=== RUN   TestA\n    --- PASS: TestA/sub (0.00s)\n--- PASS: TestA (0.00s)\n--- FAIL: TestB (1.00s)\nFAIL\n--- SKIP: TestC (0.00s)\n--- PASS: TestD (0.00s)\nok  \tx\t0.1s\n',
    want: { passed: 2, failed: 1, skipped: 1 },
  },
  {
    name: 'maven, of which each class says its own first',
    runner: 'maven',
    output:
      '[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in dev.keyside.A\n[ERROR] Tests run: 9, Failures: 1, Errors: 2, Skipped: 3\n',
    want: { passed: 3, failed: 3, skipped: 3 },
  },
  { name: 'a runner that ran nothing', runner: 'node', output: 'ℹ pass 0\nℹ fail 0\n', want: undefined },
  { name: 'a compiler that failed', runner: 'maven', output: '[ERROR] COMPILATION ERROR\n', want: undefined },
];

for (const { name, runner, output, want } of table) {
  test(`counts what a runner says: ${name}`, () => {
    assert.deepEqual(testCounts(runner, output), want);
  });
}
