/** What a test process tells the runner: lines of JSON on a pipe of their own. */

export interface Counts {
  readonly tests: number;
  readonly suites: number;
  readonly passed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly skipped: number;
  readonly todo: number;
}

/** One line of JSON on the pipe. */
export type Message =
  /** A test file, by its absolute path, is loaded. */
  | { readonly kind: 'loaded'; readonly file: string }
  /** A test begins. Also a sign of life. */
  | { readonly kind: 'began'; readonly name: string }
  /** A file that has no tests: node counts the file itself as a test that passed. */
  | { readonly kind: 'empty'; readonly file: string }
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'skipped'; readonly reason: string }
  /** Something that belongs to no test, as an error after the test that caused it had ended; or what a test left behind. */
  | { readonly kind: 'fault'; readonly text: string }
  /** All tests have ended and nothing keeps the process. */
  | { readonly kind: 'ended'; readonly counts: Counts };

/** The file descriptor of the pipe. */
export const PIPE = 3;

/** The variable that says how long a process may be kept by what its tests left open. */
export const QUIET_MS = 'TEST_PROCESS_QUIET_MS';
