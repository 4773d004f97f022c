import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, credentials } from '@grpc/grpc-js';
import { run } from '../counterparts/harness.ts';
import { profiling } from './profiling.ts';

const READY_MS = 20_000;

const ROOT = join(import.meta.dirname, '../..');

export interface Installed {
  readonly program: string;
  /** Where the demo's keys and configuration are, or are made. */
  readonly state: string;
}

/** How the process is started; what is left out is as here. */
export interface Launch {
  readonly node?: string;
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The daemon as the image starts it, on the demo's configuration: nothing of the benchmarks in its process. */
export class Daemon implements AsyncDisposable {
  readonly client: Client;
  /** From its start as a process to the first connection that it took. */
  readonly startMs: number;
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, client: Client, at: { readonly startMs: number; readonly address: string }) {
    this.#child = child;
    this.client = client;
    this.startMs = at.startMs;
    this.address = at.address;
  }

  static async start({ program, state }: Installed, launch: Launch = {}): Promise<Daemon> {
    const startedMs = performance.now();
    const profile = profiling.directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiling.directory}`];
    const args = [...profile, program, 'sidecar', '--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--state-dir', state];
    const child = spawn(launch.node ?? process.execPath, ['--disable-sigusr1', ...(launch.nodeOptions ?? []), ...args], {
      env: { ...process.env, ...launch.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the daemon ended with ${code}`)));
    ended.catch(() => undefined);
    const address = await Promise.race([listening(child), ended]);
    const client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + READY_MS, (error) => (error === undefined ? resolve() : reject(error)));
    });
    return new Daemon(child, client, { startMs: performance.now() - startedMs, address });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  url(path: string): string {
    return `http://${this.address}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

/**
 * The daemon as the image has it, in a folder of its own, gone with the stack. To be profiled it is compiled file by file: a profile tells
 * its parts apart by their files.
 */
export async function install(stack: AsyncDisposableStack): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-bench-daemon-'));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const outDir = join(folder, 'dist');
  if (profiling.directory === undefined) await run(process.execPath, [join(ROOT, 'tools/bundle.mjs'), outDir]);
  else await compile(outDir);
  for (const file of ['package.json', 'bin/keyside.js']) cpSync(join(ROOT, file), join(folder, file));
  for (const name of ['node_modules', 'build']) symlinkSync(join(ROOT, name), join(folder, name));
  const fill = ['--disable-sigusr1', join(ROOT, 'tools/fill-compile-cache.mjs'), 'compile-cache', String(process.getuid?.())];
  await run(process.execPath, fill, { cwd: folder });
  return { program: join(folder, 'bin/keyside.js'), state: join(folder, 'state') };
}

async function compile(outDir: string): Promise<void> {
  await run(join(ROOT, 'node_modules/.bin/tsc'), ['--project', join(ROOT, 'tsconfig.build.json'), '--outDir', outDir]);
  cpSync(join(ROOT, 'src/rpc/descriptors.binpb'), join(outDir, 'src/rpc/descriptors.binpb'));
}

async function listening(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const { promise, resolve } = Promise.withResolvers<string>();
  lines.on('line', (line) => {
    if (line.includes('"listening"')) resolve((JSON.parse(line) as { tcp: string }).tcp);
  });
  return promise;
}
