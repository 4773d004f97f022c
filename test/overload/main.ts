/**
 * `npm run overload`: clients that ask for more than there is, or hold what they are given, against a daemon in a process of its own.
 * Ends in `N passed, N failed`.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const LIMIT_MS = 300_000;

const counts = { passed: 0, failed: 0 };
const files = globSync(join(import.meta.dirname, '*.test.ts'));
const stream = run({ files, concurrency: 1, timeout: LIMIT_MS });
stream.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') counts.passed += 1;
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') counts.failed += 1;
});
const report = stream.compose(spec);
report.pipe(process.stdout);
report.on('end', () => {
  console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
  if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
});
