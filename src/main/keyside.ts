import { type ProgramParts, runProgram } from '../cli/program.ts';
import { version } from './version.ts';

const { stdin, stdout, stderr, env: environment, argv } = process;

/** Ctrl-C and a polite kill. The second one finds no handler, and ends the process. */
function onInterrupt(action: () => void): () => void {
  const forget = (): void => {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  };
  const interrupt = (): void => {
    forget();
    action();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  return forget;
}

const sidecar: ProgramParts['sidecar'] = async (options) => (await import('./run-sidecar.ts')).runSidecar(options);

const injector: ProgramParts['injector'] = async (options) => (await import('./injector.ts')).runInjector(options);

const parts = { stdin, stdout, stderr, environment, version, sidecar, injector, onInterrupt };
const exitCode = await runProgram(parts, argv.slice(2));

// What succeeded ends by itself, a running sidecar by a signal. What failed may have left threads and timers behind.
if (exitCode !== 0) process.exit(exitCode);
