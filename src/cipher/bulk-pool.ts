import { Worker } from 'node:worker_threads';
import { KeysideError } from '../core/errors.ts';
import { SecretBytes } from '../core/secret-bytes.ts';
import { type BulkCipher, type BulkJob, isBulk } from './bulk-cipher.ts';
import { BulkThread } from './bulk-thread.ts';

/** Taken at a time for each worker: one it works on, one that waits. */
const JOBS_A_WORKER = 2;
/** After so many ends of workers without any result between them no more are started: something is wrong with this place. */
const MOST_CRASHES = 3;

export interface BulkPoolOptions {
  /** 0: nothing is taken. */
  readonly workers: number;
  readonly start?: () => Worker;
}

interface Waiting {
  readonly job: BulkJob;
  readonly key: SecretBytes;
  readonly signal: AbortSignal;
  readonly answer: PromiseWithResolvers<Uint8Array | undefined>;
  readonly onAbort: () => void;
}

/** Worker threads that seal and open large values. Each is started when there is work that no other is free for. */
export class BulkPool implements BulkCipher {
  readonly #options: Required<BulkPoolOptions>;
  readonly #threads = new Set<BulkThread>();
  readonly #idle: BulkThread[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Waiting>();
  #crashes = 0;
  #isClosed = false;

  constructor(options: BulkPoolOptions) {
    this.#options = { start: startWorker, ...options };
  }

  /** How many threads there are now. */
  get size(): number {
    return this.#threads.size;
  }

  takes(bytes: number): boolean {
    const jobs = this.#waiting.length + this.#running.size;
    const hasRoom = jobs < this.#options.workers * JOBS_A_WORKER;
    return hasRoom && isBulk(bytes) && !this.#isClosed && this.#crashes < MOST_CRASHES;
  }

  async run(job: BulkJob, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (!this.takes(job.input.length)) throw new Error('a bulk job was given where none was taken');
    signal.throwIfAborted();
    const waiting: Waiting = {
      job,
      key: SecretBytes.copyOf(job.key),
      signal,
      answer: Promise.withResolvers(),
      onAbort: () => this.#abort(waiting),
    };
    signal.addEventListener('abort', waiting.onAbort, { once: true });
    this.#waiting.push(waiting);
    this.#startNext();
    return waiting.answer.promise.finally(() => signal.removeEventListener('abort', waiting.onAbort));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const draining = new KeysideError('DRAINING', 'the daemon is shutting down');
    for (const waiting of this.#waiting.splice(0)) {
      waiting.key.wipe();
      waiting.answer.reject(draining);
    }
    for (const { answer } of this.#running) answer.reject(draining);
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #startNext(): void {
    const next = this.#waiting[0];
    if (next === undefined) return;
    try {
      const thread = this.#freeThread();
      if (thread === undefined) return;
      this.#waiting.shift();
      void this.#work(next, thread);
    } catch (cause) {
      this.#crashes += 1;
      this.#waiting.shift();
      next.key.wipe();
      next.answer.reject(new KeysideError('INTERNAL', 'a worker of the cipher did not start', { cause }));
    }
  }

  async #work(waiting: Waiting, thread: BulkThread): Promise<void> {
    const { job, key, signal, answer } = waiting;
    this.#running.add(waiting);
    try {
      const result = thread.run({ ...job, key: key.expose() });
      // From now on it lies in the slot alone, where the worker zeroes it.
      key.wipe();
      const output = await result;
      this.#crashes = 0;
      if (signal.aborted) output?.fill(0);
      answer.resolve(output);
    } catch (error) {
      key.wipe();
      answer.reject(error);
    }
    this.#running.delete(waiting);
    if (this.#threads.has(thread)) this.#idle.push(thread);
    this.#startNext();
  }

  #freeThread(): BulkThread | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#threads.size >= this.#options.workers || this.#isClosed) return idle;
    const thread = new BulkThread(this.#options.start(), (ended) => this.#forget(ended));
    this.#threads.add(thread);
    return thread;
  }

  /** The next job that finds no free thread starts another one. */
  #forget(thread: BulkThread): void {
    this.#threads.delete(thread);
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    if (!this.#isClosed) this.#crashes += 1;
  }

  /** A job that waits is not begun; one that runs goes on for nobody. */
  #abort(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      waiting.key.wipe();
    }
    waiting.answer.reject(waiting.signal.reason);
  }
}

/** Run from source this module and the worker's are `.ts`, compiled they are `.js`. */
function startWorker(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new Worker(new URL(`./bulk-worker${extension}`, import.meta.url), { name: 'keyside-cipher' });
}
