import { join } from 'node:path';
import type { Command } from './command.ts';
import type { Runner } from './test-counts.ts';

export type LanguageName = 'typescript' | 'python' | 'go' | 'java';

export type Phase = 'write' | 'read';

/** How the daemon is reached. */
export type Way = 'tcp' | 'unix';

/** How one client takes part. */
export interface Language {
  readonly name: LanguageName;
  /** Each phase goes another way, so that every client is seen on both, and in each phase half of them on either. */
  readonly ways: Readonly<Record<Phase, Way>>;
  /** What must be on the machine: each ends well where it is. */
  readonly tools: readonly Command[];
  readonly setUp: readonly Command[];
  /** Run one after the other, all of them. */
  readonly tests: Readonly<Record<Phase, readonly Command[]>>;
  readonly runner: Runner;
}

const MINUTE_MS = 60_000;
const TOOL: Pick<Command, 'cwd' | 'timeoutMs'> = { cwd: '.', timeoutMs: MINUTE_MS };
const VENV = '.tools/venv-client';

export const LANGUAGES: readonly Language[] = [typescript(), python(), go(), java()];

function typescript(): Language {
  const tests = (...files: string[]): Command => ({
    program: process.execPath,
    args: ['--test', '--test-reporter=spec', ...files],
    cwd: '.',
    timeoutMs: 5 * MINUTE_MS,
  });
  return {
    name: 'typescript',
    ways: { write: 'tcp', read: 'unix' },
    tools: [],
    setUp: [],
    tests: {
      write: [tests('clients/typescript/test/**/*.test.ts')],
      read: [tests('clients/typescript/test/interop.test.ts')],
    },
    runner: 'node',
  };
}

function python(): Language {
  const cwd = 'clients/python';
  const program = join('../..', VENV, 'bin/python');
  const tests = (...args: string[]): Command => ({
    program,
    args: ['-m', 'pytest', '-rs', ...args],
    cwd,
    timeoutMs: 5 * MINUTE_MS,
  });
  return {
    name: 'python',
    ways: { write: 'unix', read: 'tcp' },
    tools: [{ ...TOOL, program: 'python3', args: ['-c', 'import sys, venv; assert sys.version_info >= (3, 10)'] }],
    setUp: [
      { program: 'python3', args: ['-m', 'venv', VENV], cwd: '.', timeoutMs: 2 * MINUTE_MS },
      { program, args: ['-m', 'pip', 'install', '--quiet', '--editable', '.[test]'], cwd, timeoutMs: 10 * MINUTE_MS },
    ],
    tests: { write: [tests()], read: [tests('tests/test_interop.py')] },
    runner: 'pytest',
  };
}

function go(): Language {
  const run = (cwd: string, ...args: string[]): Command => ({ program: 'go', args, cwd, timeoutMs: 10 * MINUTE_MS });
  // What was tested before with other files in the folder is no result of this run.
  const tests = (cwd: string, ...args: string[]): Command => run(cwd, 'test', '-count=1', '-v', ...args, './...');
  const [client, example] = ['clients/go', 'clients/go/examples/webapp']; // a module each
  return {
    name: 'go',
    ways: { write: 'tcp', read: 'unix' },
    tools: [{ ...TOOL, program: 'go', args: ['version'] }],
    setUp: [run(client, 'vet', './...'), run(example, 'vet', './...')],
    tests: { write: [tests(client), tests(example)], read: [tests(client, '-run', 'TestInterop')] },
    runner: 'go',
  };
}

function java(): Language {
  const maven = (...args: string[]): Command => ({
    program: 'mvn',
    args: ['--batch-mode', '--no-transfer-progress', ...args],
    cwd: 'clients/java',
    timeoutMs: 10 * MINUTE_MS,
  });
  return {
    name: 'java',
    ways: { write: 'unix', read: 'tcp' },
    tools: [
      { ...TOOL, program: 'mvn', args: ['--version'] },
      { ...TOOL, program: 'javac', args: ['--version'] },
    ],
    setUp: [maven('test-compile')],
    tests: { write: [maven('test')], read: [maven('test', '-Dtest=InteropTest')] },
    runner: 'maven',
  };
}
