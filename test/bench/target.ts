import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, credentials } from '@grpc/grpc-js';
import { NotRun } from './benchmark.ts';
import { bytesAsTheyAre } from './bulk.ts';
import type { CpuProfile } from './cpu-profiler.ts';
import { OUTCOMES, START_PROFILE, STOP_PROFILE } from './peers.ts';
import type { Profiled } from './profiling.ts';
import type { ServerOptions } from './server.ts';

/** The daemon under load, in a process of its own. */
export class Target implements Profiled {
  readonly pid: number;
  readonly address: string;
  /** To the daemon. */
  readonly client: Client;
  /** To the echo in the same process. */
  readonly echo: Client;

  constructor(pid: number, ports: { readonly port: number; readonly echoPort: number }) {
    const unlimited = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
    const open = (port: number): Client => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), unlimited);
    this.pid = pid;
    this.address = `127.0.0.1:${ports.port}`;
    this.client = open(ports.port);
    this.echo = open(ports.echoPort);
  }

  url(path: string): string {
    return `http://${this.address}${path}`;
  }

  /** One call by a checking client: the answer's bytes. */
  call(path: string, request: Uint8Array, client = this.client): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, bytesAsTheyAre, bytesAsTheyAre, Buffer.from(request), (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer as Buffer);
      });
    });
  }

  startProfile(): Promise<unknown> {
    return this.call(START_PROFILE, new Uint8Array(0));
  }

  async stopProfile(): Promise<CpuProfile> {
    return JSON.parse((await this.call(STOP_PROFILE, new Uint8Array(0))).toString()) as CpuProfile;
  }

  /** Throws unless every call of the daemon's own services since the last look ended well, and there was one. */
  async assertAllOk(): Promise<void> {
    const outcomes = JSON.parse((await this.call(OUTCOMES, new Uint8Array(0))).toString());
    assert.deepEqual(Object.keys(outcomes), ['OK'], `calls failed: ${JSON.stringify(outcomes)}`);
  }
}

/** Starts one and stops it with the stack. Where the native cipher is wanted and missing, nothing is measured. */
export async function startTarget(
  stack: AsyncDisposableStack,
  options: ServerOptions = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Target> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), JSON.stringify(options)], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  stack.defer(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code}`);
  });
  ended.catch(() => undefined);
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
  const told = JSON.parse(line) as { port: number; echoPort: number; cipher: string };
  if (told.cipher !== (options.isPure ? 'node' : 'native')) throw new NotRun(`the server runs the cipher \`${told.cipher}\``);
  const target = new Target(child.pid as number, told);
  stack.defer(() => {
    target.client.close();
    target.echo.close();
  });
  return target;
}
