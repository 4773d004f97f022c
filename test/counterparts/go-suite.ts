import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MODULE = join(import.meta.dirname, '../kubernetes');

/** What `go test -json` says of one thing that happened. */
interface GoEvent {
  readonly Action: string;
  readonly Test?: string;
  readonly Output?: string;
}

export interface GoSuiteOutcome {
  /** Names of tests, and of the cases below them. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly output: string;
}

/**
 * Runs the tests in one folder of test/kubernetes. The first time it is compiled, which takes minutes.
 * @throws where it does not compile
 */
export async function runGoSuite(folder: string, environment: Readonly<Record<string, string>> = {}): Promise<GoSuiteOutcome> {
  const env = { ...process.env, GOFLAGS: '-mod=readonly', ...environment };
  const options = { cwd: MODULE, env, maxBuffer: 2 ** 26 };
  const running = promisify(execFile)('go', ['test', '-count=1', '-json', `./${folder}`], options);
  const stdout = await running.then(
    (ended) => ended.stdout,
    (error: { readonly stdout?: string }) => {
      if (!error.stdout?.includes('"Action":"run"')) throw error;
      return error.stdout;
    },
  );
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  const events = lines.map((line) => JSON.parse(line) as GoEvent);
  const named = (action: string) => events.flatMap(({ Action, Test }) => (Action === action && Test !== undefined ? [Test] : []));
  return { passed: named('pass'), failed: named('fail'), output: events.map(({ Output = '' }) => Output).join('') };
}
