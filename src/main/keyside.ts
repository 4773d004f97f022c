import { runProgram } from '../cli/program.ts';
import { runSidecar } from './run-sidecar.ts';
import { version } from './version.ts';

const { stdin, stdout, stderr, env: environment, argv } = process;

const exitCode = await runProgram({ stdin, stdout, stderr, environment, version, sidecar: runSidecar }, argv.slice(2));

// What succeeded ends by itself, a running sidecar by a signal. What failed may have left threads and timers behind.
if (exitCode !== 0) process.exit(exitCode);
