import { Buffer } from 'node:buffer';
import type { Worker } from 'node:worker_threads';
import { KeysideError } from '../core/errors.ts';
import type { BulkJob } from './bulk-cipher.ts';
import { fillSlot, slotBytes } from './bulk-slot.ts';

/** A slot of a larger job is let go of after it, in bytes. */
const KEPT_SLOT_BYTES = 8 * 2 ** 20;

type Output = Uint8Array | undefined;

/** One worker thread with its slot: one job at a time. When the thread ends, however it ends, its job fails and the slot is zeroed. */
export class BulkThread {
  readonly #worker: Worker;
  readonly #onEnd: (thread: BulkThread) => void;
  #slot = new SharedArrayBuffer(0);
  #running: PromiseWithResolvers<Output> | undefined;
  #cause: unknown;

  /** `onEnd` is called once, before the job's failure is heard of. */
  constructor(worker: Worker, onEnd: (thread: BulkThread) => void) {
    this.#worker = worker;
    this.#onEnd = onEnd;
    worker.on('message', (output: Output) => this.#finish(output));
    worker.on('messageerror', (cause) => this.#abandon(cause));
    worker.on('error', (cause) => {
      this.#cause = cause;
    });
    worker.on('exit', () => this.#ended());
    worker.unref();
  }

  /**
   * Precondition: no other job is running.
   * @throws {KeysideError} INTERNAL where the thread ended before the answer
   */
  run(job: BulkJob): Promise<Output> {
    const bytes = slotBytes(job);
    if (this.#slot.byteLength < bytes) this.#slot = new SharedArrayBuffer(2 ** Math.ceil(Math.log2(bytes)));
    const filled = fillSlot(this.#slot, job);
    this.#running = Promise.withResolvers();
    // A process does not end while it waits for an answer.
    this.#worker.ref();
    this.#worker.postMessage(filled);
    return this.#running.promise;
  }

  /** Resolves when the thread has ended. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #finish(output: Output): void {
    const running = this.#running;
    this.#running = undefined;
    this.#worker.unref();
    if (this.#slot.byteLength > KEPT_SLOT_BYTES) this.#slot = new SharedArrayBuffer(0);
    running?.resolve(output && Buffer.from(output.buffer, output.byteOffset, output.byteLength));
  }

  #abandon(cause: unknown): void {
    this.#cause = cause;
    void this.#worker.terminate();
  }

  /** The thread is gone and writes no more. */
  #ended(): void {
    new Uint8Array(this.#slot).fill(0);
    this.#onEnd(this);
    this.#running?.reject(new KeysideError('INTERNAL', 'a worker of the cipher ended', { cause: this.#cause }));
    this.#running = undefined;
  }
}
