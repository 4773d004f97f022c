import { CommanderError } from 'commander';
import { KeysideError as CallError } from '../../clients/typescript/src/index.ts';
import { ConfigurationError } from '../config/fault.ts';
import { KeysideError } from '../core/errors.ts';
import { adviceFor } from './advice.ts';

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** The command line itself is wrong: nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command has said what is wrong; only its exit code is left to set. */
export class AlreadyReported extends Error {
  override readonly name = 'AlreadyReported';
}

export interface Failure {
  readonly exitCode: number;
  /** For standard error; empty where everything is said. */
  readonly text: string;
}

/** What a command ended in, as its exit code and the words for it. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof AlreadyReported) return { exitCode: EXIT_FAILED, text: '' };
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? EXIT_OK : EXIT_USAGE, text: '' };
  if (error instanceof UsageError) return { exitCode: EXIT_USAGE, text: `error: ${error.message}\n` };
  if (error instanceof CallError) return { exitCode: EXIT_FAILED, text: `${error.message}\n${hint(error)}` };
  if (error instanceof KeysideError) return { exitCode: EXIT_FAILED, text: `${error.reason}: ${error.message}\n` };
  if (error instanceof ConfigurationError) return { exitCode: EXIT_FAILED, text: `${error.message}\n` };
  return { exitCode: EXIT_FAILED, text: `${error instanceof Error ? error.message : String(error)}\n` };
}

function hint({ reason, details }: CallError): string {
  const advice = adviceFor(reason, details.get('provider'));
  return advice === undefined ? '' : `  ${advice.who}: ${advice.todo}\n`;
}
