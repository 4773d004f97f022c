import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../counterparts/harness.ts';
import { percentile } from '../faults/percentile.ts';
import { NotRun } from './benchmark.ts';
import { profiling } from './profiling.ts';
import type { Target } from './target.ts';

const LIMIT_MS = 120_000;
const SLICES = 5;

export interface Load {
  /** `/keyside.v1.CryptoService/Encrypt` */
  readonly path: string;
  readonly request: Uint8Array;
  readonly requests: number;
  readonly inFlight: number;
  /** The side that is compared with: it is not profiled. */
  readonly isPeer?: boolean;
}

/** What many equal requests showed. */
export interface Posted {
  readonly perSecond: number;
  /** Time that a hundredth of the answers exceeded, in microseconds. */
  readonly p99Us: number;
  /** Times of all answers, in microseconds: h2load writes them whole. */
  readonly answersUs: readonly number[];
}

/** A load and the server that it is posted to. */
export interface Side {
  readonly target: Target;
  readonly load: Load;
}

/** As `postSidesInTurns`, of one server. */
export function postInTurns(target: Target, loads: readonly Load[]): Promise<readonly Posted[]> {
  return postSidesInTurns(loads.map((load) => ({ target, load })));
}

/**
 * Posts each load in slices, in turns with the others, so that what else the machine does falls on all alike. @returns what each showed,
 * over all its slices
 */
export async function postSidesInTurns(sides: readonly Side[]): Promise<readonly Posted[]> {
  const slices = sides.map((): Posted[] => []);
  for (let slice = 0; slice < SLICES; slice += 1) {
    for (const [at, { target, load }] of sides.entries()) {
      slices[at]?.push(await post(target, { ...load, requests: Math.ceil(load.requests / SLICES) }));
    }
  }
  return slices.map(overAll);
}

function overAll(slices: readonly Posted[]): Posted {
  const answersUs = slices.flatMap((slice) => slice.answersUs);
  const seconds = slices.reduce((sum, { answersUs: { length }, perSecond }) => sum + length / perSecond, 0);
  return { perSecond: answersUs.length / seconds, p99Us: percentile(answersUs, 0.99), answersUs };
}

/** As `postTo`, to a server that can be profiled meanwhile. */
export function post(target: Target, load: Load): Promise<Posted> {
  const work = (): Promise<Posted> => postTo(target.url(load.path), load);
  return load.isPeer ? work() : profiling.during(target, work);
}

/** Posts one request many times over one connection. @throws where not every answer has HTTP status 200 */
export function postTo(url: string, { request, requests, inFlight }: Omit<Load, 'path'>): Promise<Posted> {
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(request.length, 1);
  return h2load(Buffer.concat([frame, request]), [
    ...['-n', String(requests), '-c', '1', '-m', String(inFlight)],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', url],
  ]);
}

/** h2load posts from a process of its own and costs the server's core nothing. The body goes into a file, the rest is its arguments. */
export async function h2load(body: Uint8Array, args: readonly string[]): Promise<Posted> {
  const directory = mkdtempSync(join(tmpdir(), 'keyside-load-'));
  const [file, log] = [join(directory, 'body'), join(directory, 'log')];
  writeFileSync(file, body);
  try {
    const { stdout } = await promisify(execFile)('h2load', ['-d', file, `--log-file=${log}`, ...args], { timeout: LIMIT_MS });
    const rate = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(stdout)?.[1];
    const [, total, passed] = /requests: (\d+) total.* (\d+) succeeded/.exec(stdout) ?? [];
    if (rate === undefined || total !== passed || !stdout.includes(`status codes: ${total} 2xx`)) {
      throw new Error(`h2load failed:\n${stdout}`);
    }
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const answersUs = lines.map((line) => Number(line.split('\t')[2]));
    return { perSecond: Number(rate), p99Us: percentile(answersUs, 0.99), answersUs };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Debian's `nghttp2-client`, installed where this is root. */
export async function ensureH2load(): Promise<void> {
  const isThere = (): Promise<boolean> =>
    run('h2load', ['--version']).then(
      () => true,
      () => false,
    );
  if (await isThere()) return;
  if (process.getuid?.() === 0) await run('apt-get', ['install', '-y', 'nghttp2-client']).catch(() => undefined);
  if (!(await isThere())) throw new NotRun('the load generator h2load is missing: apt-get install nghttp2-client');
}
