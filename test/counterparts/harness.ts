import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';

/** Where counterparts are installed: ignored by git, kept between runs. */
export const TOOLS = resolve(import.meta.dirname, '../../.tools');

const START_MS = 20_000;
const STOP_MS = 3_000;

/** A third-party server, and how to get and run it. */
export interface Recipe {
  readonly name: string;
  /** Tool chains it needs to be installed, e.g. `go`. */
  readonly needs: readonly string[];
  /** The program, under `.tools`. */
  readonly program: string;
  /**
   * Why nobody but a person can put the program there: no registry has it. Where it is missing, the suite is skipped with this reason,
   * in continuous integration too.
   */
  readonly onlyByHand?: string;
  /** Puts the program there. */
  install(): Promise<void>;
  /** `folder` is a fresh one for its data. */
  command(port: number, folder: string): { readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> };
  /** Whether it answers already. Throws or returns false while it does not. */
  isUp(url: string): Promise<boolean>;
}

export interface Counterpart {
  readonly url: string;
}

export type Started = Counterpart | { readonly missing: string };

export interface OpenCounterpart extends Counterpart {
  /** Of its process. */
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts the counterpart for this test file and stops it afterwards, by its own process. Where it cannot be installed: says so in one
 * line, or throws where `CI=true`, so that nobody takes silence for success.
 */
export async function startCounterpart(recipe: Recipe): Promise<Started> {
  const opened = await openCounterpart(recipe);
  if ('stop' in opened) after(() => opened.stop());
  return opened;
}

/** As `startCounterpart`, for programs that are not tests: whoever opens it stops it. */
export async function openCounterpart(recipe: Recipe): Promise<OpenCounterpart | { readonly missing: string }> {
  try {
    await ensureInstalled(recipe);
  } catch (error) {
    const missing = `${recipe.name} is skipped: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    if (process.env.CI === 'true' && recipe.onlyByHand === undefined) throw new Error(missing, { cause: error });
    console.log(`# ${missing}`);
    return { missing };
  }
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'keyside-counterpart-'))];
  const running = new RunningProcess(recipe, port, folder);
  const stop = async (): Promise<void> => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await running.untilUp(() => recipe.isUp(url));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: running.pid, stop };
}

/** The skip option of a suite that needs the counterpart. */
export function skipOf(started: Started): string | false {
  return 'missing' in started ? started.missing : false;
}

async function ensureInstalled(recipe: Recipe): Promise<void> {
  const program = join(TOOLS, recipe.program);
  if (await exists(program)) return;
  for (const tool of recipe.needs) {
    const found = await run(tool, tool === 'go' ? ['version'] : ['--version'])
      .then(() => true)
      .catch(() => false);
    if (!found) throw new Error(`it is not in ${TOOLS}, and ${tool} is not there to install it`);
  }
  await recipe.install();
  if (!(await exists(program))) throw new Error(`installing it left no ${program}`);
}

class RunningProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  #output = '';
  readonly #killAtExit: () => void;

  constructor(recipe: Recipe, port: number, folder: string) {
    const { args, env } = recipe.command(port, folder);
    this.#name = recipe.name;
    this.#child = spawn(join(TOOLS, recipe.program), args, {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-4_000);
      });
    }
    this.#killAtExit = () => this.#child.kill('SIGKILL');
    process.once('exit', this.#killAtExit);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  async untilUp(isUp: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + START_MS;
    while (!(await isUp().catch(() => false))) {
      if (this.#child.exitCode !== null)
        throw new Error(`${this.#name} ended with code ${this.#child.exitCode}: ${this.#output}`);
      if (Date.now() > endMs) throw new Error(`${this.#name} did not answer within ${START_MS} ms: ${this.#output}`);
      await new Promise((done) => setTimeout(done, 25));
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killAtExit);
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(force);
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Runs a program to its end. Its output stands in the error where it fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await promisify(execFile)(program, [...args], { ...options, env: { ...process.env, ...options.env }, maxBuffer: 2 ** 24 });
}

/** Whether anybody listens on this port of the loopback. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
