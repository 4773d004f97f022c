import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 20_000;

export const keysideProgram = join(root, 'bin/keyside.js');
const bufProgram = join(root, 'node_modules/.bin/buf');

export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

/** A daemon in a process of its own, as a user starts it. */
export interface DaemonProcess {
  readonly tcp: string;
  readonly http: string | undefined;
  readonly process: ChildProcess;
  /** Every line of its log so far. */
  readonly log: LogLine[];
  /** Everything it printed that is not a line of its log. */
  readonly prints: string[];
  /** Sends SIGTERM and waits; the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `keyside sidecar` with these arguments and waits until it listens. */
export async function startDaemon(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<DaemonProcess> {
  const child = spawn(process.execPath, ['--disable-sigusr1', keysideProgram, 'sidecar', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: LogLine[] = [];
  const prints: string[] = [];
  const listening = new Promise<LogLine>((resolve, reject) => {
    const onLine = (line: string): void => {
      if (!line.startsWith('{"time"')) {
        prints.push(line);
        return;
      }
      const entry = JSON.parse(line) as LogLine;
      log.push(entry);
      if (entry.message === 'listening') resolve(entry);
    };
    createInterface({ input: child.stdout }).on('line', onLine);
    createInterface({ input: child.stderr }).on('line', onLine);
    child.once('exit', (code) =>
      reject(new Error(`the daemon ended with ${code}:\n${prints.join('\n')}\n${JSON.stringify(log)}`)),
    );
    setTimeout(() => reject(new Error(`the daemon did not listen in time:\n${prints.join('\n')}`)), START_TIMEOUT_MS).unref();
  });
  const { tcp, http } = await listening;
  return {
    tcp: tcp as string,
    http: http as string | undefined,
    process: child,
    log,
    prints,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

/** An empty directory that goes with the test. */
export function temporaryDirectory(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyside-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(program: string, args: readonly string[], options: { cwd?: string } = {}): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { ...options, maxBuffer: 64 * 1024 * 1024 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** `buf curl` to a method of the daemon, by reflection: what a newcomer without grpcurl types. */
export function bufCurl(tcp: string, method: string, request: unknown): Promise<Ran> {
  const flags = ['curl', '--protocol', 'grpc', '-d', JSON.stringify(request)];
  return run(bufProgram, [...flags, `http://${tcp}/${method}`]);
}
