import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpuProfile, CpuProfiler } from './cpu-profiler.ts';

/** Something whose processor time is sampled between two calls. */
export interface Profiled {
  startProfile(): Promise<unknown>;
  stopProfile(): Promise<CpuProfile>;
}

/**
 * Collects profiles while a benchmark runs with `--profile`, of its own side only: whoever makes load names the process under it and
 * whether it is the peer. Without `--profile` it runs the work and does nothing.
 */
class Profiling {
  /** Where processes that run a whole life write their profile; undefined without `--profile`. */
  directory: string | undefined;
  #profiles: CpuProfile[] = [];
  readonly #running = new Map<Profiled, number>();

  async during<Result>(profiled: Profiled, work: () => Promise<Result>): Promise<Result> {
    if (this.directory === undefined) return await work();
    const before = this.#running.get(profiled) ?? 0;
    this.#running.set(profiled, before + 1);
    if (before === 0) await profiled.startProfile();
    try {
      return await work();
    } finally {
      const left = (this.#running.get(profiled) as number) - 1;
      this.#running.set(profiled, left);
      if (left === 0) this.#profiles.push(await profiled.stopProfile());
    }
  }

  /** As `during`, of this process itself. */
  here<Result>(work: () => Promise<Result>): Promise<Result> {
    const profiler = new CpuProfiler();
    return this.during({ startProfile: () => profiler.start(), stopProfile: () => profiler.stop() }, work);
  }

  /** What was collected since the last time. */
  take(): readonly CpuProfile[] {
    const written =
      this.directory === undefined ? [] : readdirSync(this.directory).filter((name) => name.endsWith('.cpuprofile'));
    const whole = written.map((name) => JSON.parse(readFileSync(join(this.directory as string, name), 'utf8')) as CpuProfile);
    const taken = [...this.#profiles, ...whole];
    this.#profiles = [];
    return taken;
  }
}

export const profiling = new Profiling();
