import { KeysideError } from '../core/errors.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { FileLayer, SpoolFile } from './file-layer.ts';
import { FrameBuffer, type FramedRecord } from './frame.ts';
import { Retention } from './retention.ts';
import { segmentPath } from './segments.ts';
import { SpoolProgress } from './spool-position.ts';

export interface SpoolOptions {
  readonly directory: string;
  readonly sidecar: string;
  readonly start: string;
  /** A segment is closed before it grows beyond this, unless one commit does. */
  readonly segmentBytes: number;
  /** Of all segments together. */
  readonly maxBytes: number;
  /** How long a segment is kept that nobody needs any more. */
  readonly maxAgeMs: number;
  /** How long a record may wait until it is written; 0: until the present turn of the event loop is over. */
  readonly commitDelayMs: number;
  /** What may wait in memory; more is refused. */
  readonly maxPendingBytes: number;
  readonly files: FileLayer;
  readonly logger: Logger;
  /** Asked before each commit; rejects where the directory is another process's by now. */
  readonly assertHeld?: () => Promise<void> | undefined;
  /** Told of every attempt: how many bytes of how many records, how long it took, whether it failed. */
  readonly onCommit?:
    | ((commit: { readonly records: number; readonly bytes: number; readonly ms: number; readonly isOk: boolean }) => void)
    | undefined;
}

/** After a failure, how long until the next attempt, in milliseconds. */
const RETRY_MS = 1_000;
/** So much waiting is written at once, however long it might have waited. */
const COMMIT_NOW_BYTES = 1024 * 1024;

interface Waiters {
  readonly done: PromiseWithResolvers<void>;
  records: number;
}

/**
 * The write-ahead log of the audit trail. What was appended while a commit was under way makes the next one: one write, one sync, for
 * all of it. After a failure nothing is known of the file that it happened to: it is closed, its records stay in memory and go first
 * into a new one; until that succeeds, nothing more is taken.
 */
export class Spool {
  readonly progress = new SpoolProgress();
  readonly #options: SpoolOptions;
  readonly #retention: Retention;
  readonly #frames = new FrameBuffer();
  #file: SpoolFile | undefined;
  #waiters: Waiters = newWaiters();
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #failure: KeysideError | undefined;
  #isClosed = false;

  private constructor(options: SpoolOptions, retention: Retention) {
    this.#options = options;
    this.#retention = retention;
  }

  /**
   * Opens the spool in `directory`, which is made where it is missing. The first segment is made with the first record.
   * Precondition: no other process writes there (spool-lock.ts).
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { files, directory } = options;
    await files.makeDirectory(directory);
    const spool = new Spool(options, await Retention.read(options));
    spool.progress.durable = spool.#retention.end;
    return spool;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#retention.bytes;
  }

  get isAvailable(): boolean {
    return this.#failure === undefined && !this.#isClosed;
  }

  /** Bytes of records that are not durable yet. */
  get pendingBytes(): number {
    return this.#frames.length;
  }

  /** @throws {KeysideError} AUDIT_UNAVAILABLE where a record could not be taken */
  assertAvailable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw unavailable('the spool is closed');
    if (this.#frames.length >= this.#options.maxPendingBytes) {
      throw unavailable(`${this.#frames.length} bytes of records wait to be written`);
    }
  }

  /** Precondition: `assertAvailable`, in the same turn. */
  append(record: FramedRecord, line: string): void {
    this.#frames.record(record, line);
    this.#waiters.records += 1;
    this.#schedule();
  }

  /**
   * Resolves when everything appended so far is durable, undefined where it is. Rejects with AUDIT_UNAVAILABLE where an attempt to
   * make it so failed.
   */
  settled(): Promise<void> | undefined {
    if (this.#waiters.records > 0) return this.#waiters.done.promise;
    if (this.#running !== undefined) return this.#running;
    return this.#failure && Promise.reject(this.#failure);
  }

  /** Writes at once what waits. Rejects as `settled` does. */
  async flush(): Promise<void> {
    while (this.#frames.length > 0) {
      const settled = this.settled();
      this.#start();
      await settled;
    }
    await this.#running;
  }

  /** Deletes what nobody needs and what is too old. To be called now and then. */
  async tidy(): Promise<void> {
    const removed = await this.#retention.expire(this.progress.needed, Date.now() - this.#options.maxAgeMs);
    if (removed > 0) this.#options.logger.log('info', 'old segments of the audit trail were deleted', { segments: removed });
  }

  /** Writes what waits, as far as that is possible, and closes the file. Rejects where records were not made durable. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    try {
      this.#failure = undefined;
      await this.flush();
    } finally {
      clearTimeout(this.#timer);
      await this.#closeFile();
    }
  }

  #schedule(): void {
    if (this.#running !== undefined || this.#failure !== undefined) return;
    const { commitDelayMs } = this.#options;
    if (commitDelayMs === 0) {
      this.#immediate ??= setImmediate(() => this.#start());
    } else if (this.#frames.length >= COMMIT_NOW_BYTES) {
      this.#start();
    } else {
      this.#timer ??= setTimeout(() => this.#start(), commitDelayMs);
    }
  }

  #start(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    if (this.#running !== undefined || this.#frames.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = newWaiters();
    // Whoever asks while this commit runs, and has appended nothing since, waits for it.
    this.#running = waiters.done.promise;
    void this.#run(waiters);
  }

  async #run(waiters: Waiters): Promise<void> {
    const frames = this.#frames.take();
    const startedAt = performance.now();
    let failure: KeysideError | undefined;
    try {
      await this.#commit(frames);
    } catch (error) {
      failure = unavailable('the audit trail cannot be written', error);
      this.#frames.prepend(frames);
      await this.#abandonFile();
    }
    this.#options.onCommit?.({
      records: waiters.records,
      bytes: frames.length,
      ms: performance.now() - startedAt,
      isOk: failure === undefined,
    });
    this.#running = undefined;
    this.#ended(failure, waiters);
  }

  #ended(failure: KeysideError | undefined, waiters: Waiters): void {
    const { logger } = this.#options;
    const hadFailed = this.#failure !== undefined;
    this.#failure = failure;
    if (failure === undefined) {
      if (hadFailed) logger.log('info', 'the audit trail can be written again');
      waiters.done.resolve();
      if (this.#frames.length > 0) this.#schedule();
      return;
    }
    if (!hadFailed) logger.log('error', 'the audit trail cannot be written', errorFields(failure));
    waiters.done.reject(failure);
    // Those who appended while the attempt was made wait for the next one, which may be long in coming: they are told now.
    if (this.#waiters.records > 0) this.#waiters.done.reject(failure);
    this.#waiters = newWaiters();
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#start(), RETRY_MS).unref();
  }

  async #commit(frames: Uint8Array): Promise<void> {
    await this.#options.assertHeld?.();
    const { segmentBytes } = this.#options;
    if (this.#file !== undefined && this.#retention.end.offset + frames.length > segmentBytes) await this.#closeFile();
    await this.#retention.makeRoom(frames.length, this.progress.needed);
    this.#file ??= await this.#createFile();
    const { offset } = this.#retention.end;
    await this.#file.write(frames, offset);
    await this.#file.datasync();
    this.#retention.grew(frames.length, Date.now());
    this.progress.durable = this.#retention.end;
  }

  /** A new segment, its header durable and its name too. */
  async #createFile(): Promise<SpoolFile> {
    const { files, directory, sidecar, start } = this.#options;
    const segment = this.#retention.next;
    const header = new FrameBuffer(1024);
    header.header({ sidecar, start, segment });
    const file = await files.create(segmentPath(directory, segment), true);
    this.#retention.began(segment, Date.now());
    try {
      const bytes = header.take();
      await file.write(bytes, 0);
      await file.datasync();
      await files.syncDirectory(directory);
      this.#retention.grew(bytes.length, Date.now());
      return file;
    } catch (error) {
      await file.close();
      await this.#retention.takeBack();
      throw error;
    }
  }

  /** Nothing is known of what the last attempt left in it, so that it goes, if it can be; readers pass over it otherwise. */
  async #abandonFile(): Promise<void> {
    try {
      await this.#file?.truncate(this.#retention.end.offset);
    } catch (error) {
      this.#options.logger.log(
        'warn',
        'what a failed write left behind stays in a segment of the audit trail',
        errorFields(error),
      );
    }
    await this.#closeFile();
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      await file.close();
    } catch (error) {
      // What was durable stays so: nothing is written to it any more.
      this.#options.logger.log('warn', 'a segment of the audit trail could not be closed', errorFields(error));
    }
  }
}

function newWaiters(): Waiters {
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => undefined); // nobody need wait; whoever does sees the rejection
  return { done, records: 0 };
}

function unavailable(message: string, cause?: unknown): KeysideError {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? `: ${cause.code}` : '';
  return new KeysideError('AUDIT_UNAVAILABLE', message + (code || (cause instanceof Error ? `: ${cause.message}` : '')), {
    cause,
  });
}
