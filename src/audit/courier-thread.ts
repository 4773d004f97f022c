import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../telemetry/logger.ts';
import type { Remainder } from './courier.ts';
import type { CourierStatus } from './courier-status.ts';
import type { Answer, CourierStart, Question, Said } from './courier-worker.ts';
import type { SinkConfig } from './sink-registry.ts';
import type { SpoolProgress } from './spool-position.ts';

export interface CourierThreadOptions {
  /** The spool's. */
  readonly directory: string;
  readonly sidecar: string;
  readonly maxTenantLagBytes: number;
  readonly progress: SpoolProgress;
  readonly logger: Logger;
  readonly onStatus: (status: CourierStatus) => void;
}

/** A thread that ended by a fault is started again after so long, in milliseconds. */
const RESTART_MS = 1_000;

/**
 * The courier in a thread of its own: compressing, encrypting and sending records takes no time from calls. Where the thread fails it
 * is started again and goes on from the saved cursors.
 */
export class CourierThread {
  readonly #options: CourierThreadOptions;
  #sinks: readonly SinkConfig[];
  #worker: Worker | undefined;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  #nextQuestion = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers<readonly Remainder[]>>();

  private constructor(options: CourierThreadOptions, sinks: readonly SinkConfig[]) {
    this.#options = options;
    this.#sinks = sinks;
  }

  /**
   * Resolves when the courier knows where each sink is: no segment that one of them needs is deleted from then on. Where it cannot begin
   * that is logged, and tried again until it can.
   */
  static async start(options: CourierThreadOptions, sinks: readonly SinkConfig[]): Promise<CourierThread> {
    const thread = new CourierThread(options, sinks);
    await thread.#begin().catch((error: Error) => thread.#notBegun(error));
    return thread;
  }

  /** Replaces the sinks. */
  async setSinks(sinks: readonly SinkConfig[]): Promise<void> {
    this.#sinks = sinks;
    await this.#ask({ what: 'sinks', sinks });
  }

  /** Delivers what there is, for so long; returns what is left. Keeps the process alive until then. */
  drain(timeoutMs: number): Promise<readonly Remainder[]> {
    this.#worker?.ref();
    return this.#ask({ what: 'drain', timeoutMs });
  }

  /** Keeps the process alive until the thread has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const exited = once(worker, 'exit');
    await this.#ask({ what: 'stop' });
    await exited;
  }

  async #begin(): Promise<void> {
    const { directory, sidecar, progress, maxTenantLagBytes } = this.#options;
    const start: CourierStart = { directory, sidecar, maxTenantLagBytes, progress: progress.memory, sinks: this.#sinks };
    // In a checkout the sources run as they are; compiled, the worker lies beside as JavaScript.
    const file = import.meta.url.endsWith('.ts') ? './courier-worker.ts' : './courier-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { workerData: start, stdout: false, stderr: false });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (said: Said) => this.#heard(said));
    worker.on('error', (error) => {
      this.#options.logger.log('error', 'the courier of the audit trail failed', { error: error.message });
    });
    worker.on('exit', () => this.#ended());
    await this.#ask({ what: 'ready' });
  }

  #ended(): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(new Error('the courier of the audit trail ended'));
    this.#waiting.clear();
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#begin().catch((error: Error) => this.#notBegun(error));
    }, RESTART_MS).unref();
  }

  /** It is started again when its end is heard of. */
  #notBegun(error: Error): void {
    this.#options.logger.log('error', 'the courier of the audit trail has not begun', { error: error.message });
  }

  #heard(said: Said): void {
    if ('status' in said) this.#options.onStatus(said.status);
    else if ('log' in said) this.#options.logger.log(said.log.level, said.log.message, said.log.fields);
    else this.#answered(said);
  }

  #answered({ id, left, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(left);
    else waiting?.reject(new Error(error));
  }

  #ask(question: Question): Promise<readonly Remainder[]> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new Error('the courier of the audit trail is not running'));
    this.#nextQuestion += 1;
    const waiting = Promise.withResolvers<readonly Remainder[]>();
    this.#waiting.set(this.#nextQuestion, waiting);
    worker.postMessage({ id: this.#nextQuestion, question });
    return waiting.promise;
  }
}
