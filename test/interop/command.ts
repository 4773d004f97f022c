import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program to run, by its arguments, without a shell. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Relative to the root of the repository. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface Ended {
  /** Undefined where it ended well, else in words. */
  readonly fault: string | undefined;
  /** Of both its outputs. */
  readonly output: string;
  readonly tookMs: number;
}

/** Runs a command to its end. Where its time is up, or `signal` says so, it and what it started are killed. */
export async function runCommand(command: Command, root: string, signal: AbortSignal): Promise<Ended> {
  const startedAtMs = performance.now();
  const { program, args, env, timeoutMs } = command;
  // A group of its own: build tools start others.
  const child = spawn(program, args, {
    cwd: `${root}/${command.cwd}`,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const kill = (): void => killGroup(child.pid);
  limit.addEventListener('abort', kill, { once: true });
  const ended = (fault: string | undefined): Ended => ({ fault, output, tookMs: performance.now() - startedAtMs });
  try {
    if (limit.aborted) kill();
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null];
    if (signal.aborted) return ended('it was interrupted');
    if (limit.aborted) return ended(`it took longer than ${timeoutMs / 1000} s and was killed`);
    if (code === 0) return ended(undefined);
    return ended(code === null ? `it was ended by ${killedBy}` : `it ended with ${code}`);
  } catch (error) {
    return ended(error instanceof Error ? error.message : String(error)); // there is no such program
  } finally {
    limit.removeEventListener('abort', kill);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
