import { type Profiler, Session } from 'node:inspector/promises';

export type CpuProfile = Profiler.Profile;

const INTERVAL_US = 500;

/** Samples the stack of this process's main thread, by Node's own inspector and without a port. */
export class CpuProfiler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    await this.#session.post('Profiler.start');
  }

  /** Precondition: it was started. */
  async stop(): Promise<CpuProfile> {
    const { profile } = await this.#session.post('Profiler.stop');
    this.#session.disconnect();
    return profile;
  }
}
