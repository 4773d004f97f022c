import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Findings } from './finding.ts';

const FOLDER = join(import.meta.dirname, 'results');

/** One run, whole or of some benchmarks, as it is kept. */
export interface Result {
  /** ISO 8601, UTC. */
  readonly date: string;
  /** The commit that was measured, `+` where files differed from it. */
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGib: number;
    readonly system: string;
    readonly node: string;
    /** Load of the minute before the run: how much else ran beside. */
    readonly loadBefore: number;
  };
  readonly findings: Findings;
}

/** What a run starts from: taken before it, since it makes load itself. */
export function startOfRun(): Omit<Result, 'findings'> {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).trim();
  return {
    date: new Date().toISOString(),
    commit: `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`,
    machine: {
      cpu: cpus()[0]?.model.trim() || process.arch,
      cores: availableParallelism(),
      memoryGib: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${process.arch}`,
      node: process.version,
      loadBefore: Number((loadavg()[0] as number).toFixed(1)),
    },
  };
}

/** Writes the run, or more of it, into the same file. @returns the file */
export function keep(result: Result): string {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${result.date.replace(/\.\d+Z$/, 'Z').replaceAll(':', '')}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** Every run that was kept, the newest first. */
export function keptResults(): readonly Result[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  if (files.length === 0) throw new Error(`no run is kept in ${FOLDER}: npm run bench -- --keep`);
  return files
    .sort()
    .reverse()
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Result);
}
