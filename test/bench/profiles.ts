import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CpuProfile } from './cpu-profiler.ts';
import type { Result } from './results.ts';
import { type Frame, groupShares, mergedStacks, topFunctions, withoutThin } from './stacks.ts';

const FOLDER = join(import.meta.dirname, 'results/profiles');
const TOP = 12;
/** A frame with less of the whole is not drawn. */
const THINNEST = 0.006;

/** Where the daemon's processor time went in one benchmark, as it is kept. */
export interface Profile {
  readonly about: Omit<Result, 'findings'>;
  /** Of the main thread, what was sampled: idle time left out. */
  readonly sampledMs: number;
  /** Shares of the time, the largest first. */
  readonly groups: readonly (readonly [group: string, share: number])[];
  /** Functions with the share that was spent in themselves; name and group, separated by a tab. */
  readonly top: readonly (readonly [name: string, share: number])[];
  readonly stacks: Frame;
}

/** Undefined where nothing was sampled. */
export function profileOf(profiles: readonly CpuProfile[], about: Profile['about']): Profile | undefined {
  const all = mergedStacks(profiles);
  if (all.total === 0) return undefined;
  const stacks = withoutThin(all, THINNEST);
  return { about, sampledMs: Math.round(all.total / 1_000), groups: groupShares(all), top: topFunctions(all, TOP), stacks };
}

/**
 * Keeps it under the benchmark's name: a line of JSON, then a line for each frame that is drawn: its depth, its samples in microseconds,
 * its group and its name, separated by tabs.
 */
export function keepProfile(name: string, { stacks, ...head }: Profile): string {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${name}.txt`);
  writeFileSync(file, `${JSON.stringify(head)}\n${linesOf(stacks, 0).join('\n')}\n`);
  return file;
}

function linesOf({ total, group, name, children }: Frame, depth: number): string[] {
  return [[depth, total, group, name].join('\t'), ...children.flatMap((child) => linesOf(child, depth + 1))];
}

/** What was kept, by the name of the benchmark: its first figure. */
export function keptProfiles(): ReadonlyMap<string, Profile> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return new Map(files.sort().map((name) => [name.slice(0, -'.txt'.length), read(join(FOLDER, name))]));
}

function read(file: string): Profile {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const above: Frame[] = [];
  for (const line of lines) {
    const [depth = '', total, group = '', name = ''] = line.split('\t');
    const frame: Frame = { name, group, total: Number(total), self: 0, children: [] };
    above[Number(depth)] = frame;
    above[Number(depth) - 1]?.children.push(frame);
  }
  return { ...(JSON.parse(head) as Omit<Profile, 'stacks'>), stacks: above[0] as Frame };
}

/** For a terminal: groups, then functions. */
export function renderProfile({ sampledMs, groups, top }: Profile): string {
  const line = ([name, share]: readonly [string, number]): string => `${(share * 100).toFixed(1).padStart(5)} %  ${name}`;
  const functions = top.map(([name, share]) => line([name.replace('\t', '  — '), share]));
  return [`${sampledMs} ms sampled`, ...groups.map(line), '', ...functions].join('\n');
}
