import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';

const run = promisify(execFile);

/** The daemon under load, in a process of its own. */
export interface Target {
  readonly port: number;
  /** One call by a checking client: the answer's bytes. */
  call(path: string, request: Uint8Array): Promise<Buffer>;
  stop(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { port } = JSON.parse(line) as { port: number };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
  const bytes = (value: Uint8Array): Buffer => Buffer.from(value);
  return {
    port,
    call: (path, request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          bytes,
          (answer: Buffer) => answer,
          request,
          (error, answer) => {
            if (error !== null) reject(error);
            else resolve(answer as Buffer);
          },
        );
      }),
    async stop() {
      client.close();
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

export interface Load {
  /** `/keyside.v1.CryptoService/Encrypt` */
  readonly path: string;
  readonly request: Uint8Array;
  readonly requests: number;
  readonly inFlight: number;
}

/**
 * Posts one request many times over one connection with h2load, which costs the server's core nothing.
 * @returns requests a second
 * @throws where not every request was answered with HTTP status 200
 */
export async function throughput(target: Target, load: Load): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'keyside-load-'));
  const body = join(directory, 'body');
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(load.request.length, 1);
  writeFileSync(body, Buffer.concat([frame, load.request]));
  try {
    const { stdout } = await run('h2load', [
      ...['-n', String(load.requests), '-c', '1', '-m', String(load.inFlight), '-d', body],
      ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', `http://127.0.0.1:${target.port}${load.path}`],
    ]);
    const rate = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(stdout)?.[1];
    if (rate === undefined || !stdout.includes(`${load.requests} succeeded`)) throw new Error(`h2load failed:\n${stdout}`);
    return Number(rate);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
