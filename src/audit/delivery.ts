import type { EventKind } from './event.ts';
import type { ScannedRecord } from './segment-scan.ts';
import { type AuditSink, SinkError, type SinkFailure, type SinkRecord } from './sink.ts';
import type { SpoolPosition } from './spool-position.ts';

/** What waits in memory for one sink; a sink that is slower reads from the spool. */
const MAX_QUEUE_BYTES = 4 * 1024 * 1024;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
/** However long a sink asks to be left alone. */
const LONGEST_WISH_MS = 900_000;

/** One sink as it is configured. */
export interface SinkTarget {
  /** Unique: `<name>` of a vendor-wide sink, `<tenant>/<name>` of a tenant's. */
  readonly id: string;
  /** Undefined: vendor-wide. A tenant's sink is given the tenant's own records only. */
  readonly tenantId: string | undefined;
  /** Undefined: all. */
  readonly kinds: ReadonlySet<EventKind> | undefined;
  readonly sink: AuditSink;
}

export interface DeliveryHooks {
  /** A batch was taken; `through` is behind its last record. */
  delivered(batch: { readonly records: number; readonly bytes: number; readonly through: SpoolPosition }): Promise<void>;
  rejected(record: SinkRecord, reason: string): Promise<void>;
  failed(error: SinkError, pauseMs: number): void;
  /** There is room in the queue again. */
  hasRoom(): void;
  readonly random: () => number;
}

interface Queued {
  readonly record: SinkRecord;
  readonly end: SpoolPosition;
}

export interface DeliveryState {
  readonly failure: { readonly kind: SinkFailure; readonly message: string; readonly atMs: number } | undefined;
  readonly deliveredRecords: number;
  readonly rejectedRecords: number;
  /** Of the last record that was taken. */
  readonly lastSequence: number | undefined;
  readonly lastTimeMs: number | undefined;
}

/** Gives one sink its records: in order, one batch at a time, each as often as it takes. */
export class Delivery {
  readonly target: SinkTarget;
  readonly #hooks: DeliveryHooks;
  readonly #queue: Queued[] = [];
  readonly #stopped = new AbortController();
  #queuedBytes = 0;
  #wake: (() => void) | undefined;
  #isHurried = false;
  #isBusy = false;
  /** Fewer than the sink's own limit while it is being found out which record it refuses. */
  #maxRecords = Number.POSITIVE_INFINITY;
  #state: DeliveryState = {
    failure: undefined,
    deliveredRecords: 0,
    rejectedRecords: 0,
    lastSequence: undefined,
    lastTimeMs: undefined,
  };
  readonly #running: Promise<void>;

  constructor(target: SinkTarget, hooks: DeliveryHooks) {
    this.target = target;
    this.#hooks = hooks;
    this.#running = this.#run();
  }

  get state(): DeliveryState {
    return this.#state;
  }

  /** When the record that waits longest was made; undefined where none waits. */
  get oldestWaitingMs(): number | undefined {
    return this.#queue[0]?.record.timeMs;
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && !this.#isBusy;
  }

  get hasRoom(): boolean {
    return this.#queuedBytes < MAX_QUEUE_BYTES;
  }

  wants({ framed }: ScannedRecord): boolean {
    const { tenantId, kinds } = this.target;
    return (tenantId === undefined || tenantId === framed.tenantId) && (kinds === undefined || kinds.has(framed.kind));
  }

  /** Precondition: `hasRoom`. */
  push(scanned: ScannedRecord): void {
    const record = scanned.toSinkRecord();
    this.#queue.push({ record, end: scanned.end });
    this.#queuedBytes += record.line.length;
    if (this.#queue.length === 1 || this.#isFull()) this.#wake?.();
  }

  /** From now on batches do not wait to be filled, nor failures for their pause. */
  hurry(): void {
    this.#isHurried = true;
    this.#wake?.();
  }

  /** Aborts what is under way and closes the sink. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake?.();
    await this.#running;
    await this.target.sink.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      if (this.#queue.length === 0) {
        await this.#sleep();
        continue;
      }
      if (failures === 0) await this.#linger();
      if (this.#stopped.signal.aborted) return;
      this.#isBusy = true;
      const batch = this.#batch();
      const error = await this.#deliver(batch);
      if (error?.failure === 'refused' && batch.length > 1) {
        this.#maxRecords = Math.ceil(batch.length / 2);
        this.#isBusy = false;
        continue;
      }
      this.#isBusy = false;
      if (error === undefined) {
        failures = 0;
        this.#maxRecords *= 2;
      } else if (error.failure === 'refused' && !this.#stopped.signal.aborted && (await this.#passedBy(error))) {
        failures = 0;
      } else if (!this.#stopped.signal.aborted) {
        failures += 1;
        await this.#pause(error, failures);
      }
    }
  }

  async #deliver(batch: readonly Queued[]): Promise<SinkError | undefined> {
    const records = batch.map(({ record }) => record);
    try {
      const rejected = await this.target.sink.deliver(records, this.#stopped.signal);
      for (const { record, reason } of rejected) await this.#hooks.rejected(record, reason);
      await this.#taken(batch, rejected.length);
      return undefined;
    } catch (thrown) {
      return thrown instanceof SinkError ? thrown : new SinkError('unreachable', messageOf(thrown), { cause: thrown });
    }
  }

  /**
   * One record alone was refused. Where the sink takes the next one it is that record's fault, and it is kept beside the spool; where it
   * does not, or there is no other, it is the sink's.
   */
  async #passedBy({ message }: SinkError): Promise<boolean> {
    const [refused, next] = this.#queue;
    if (refused === undefined || next === undefined) return false;
    try {
      const rejected = await this.target.sink.deliver([next.record], this.#stopped.signal);
      await this.#hooks.rejected(refused.record, message);
      for (const { record, reason } of rejected) await this.#hooks.rejected(record, reason);
      await this.#taken([refused, next], 1 + rejected.length);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof SinkError)) throw thrown;
      return false; // as before: the first is tried again after a pause
    }
  }

  async #taken(batch: readonly Queued[], rejected: number): Promise<void> {
    const last = batch.at(-1) as Queued;
    const bytes = batch.reduce((sum, { record }) => sum + record.line.length, 0);
    this.#queue.splice(0, batch.length);
    this.#queuedBytes -= bytes;
    this.#state = {
      failure: undefined,
      deliveredRecords: this.#state.deliveredRecords + batch.length - rejected,
      rejectedRecords: this.#state.rejectedRecords + rejected,
      lastSequence: last.record.sequence,
      lastTimeMs: last.record.timeMs,
    };
    await this.#hooks.delivered({ records: batch.length, bytes, through: last.end });
    this.#hooks.hasRoom();
  }

  /** As many of the first that wait as the sink takes at once; one at least. */
  #batch(): readonly Queued[] {
    const { maxRecords, maxBytes } = this.target.sink.limits;
    const most = Math.min(maxRecords, this.#maxRecords);
    let count = 0;
    let bytes = 0;
    for (const { record } of this.#queue) {
      bytes += record.line.length;
      if (count > 0 && (count === most || bytes > maxBytes)) break;
      count += 1;
    }
    return this.#queue.slice(0, count);
  }

  #isFull(): boolean {
    const { maxRecords, maxBytes } = this.target.sink.limits;
    return this.#queue.length >= maxRecords || this.#queuedBytes >= maxBytes;
  }

  /** Waits for more, unless a batch is full. */
  async #linger(): Promise<void> {
    const endsAt = performance.now() + this.target.sink.limits.lingerMs;
    while (!this.#isHurried && !this.#stopped.signal.aborted) {
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0 || this.#isFull()) return;
      await this.#sleep(leftMs);
    }
  }

  async #pause(error: SinkError, failures: number): Promise<void> {
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
    const pauseMs = this.#isHurried
      ? FIRST_PAUSE_MS
      : Math.max(Math.min(error.retryAfterMs ?? 0, LONGEST_WISH_MS), ceiling * (0.5 + this.#hooks.random() / 2));
    this.#state = { ...this.#state, failure: { kind: error.failure, message: error.message, atMs: Date.now() } };
    this.#hooks.failed(error, pauseMs);
    const endsAt = performance.now() + pauseMs;
    while (!this.#stopped.signal.aborted) {
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) return;
      const wasHurried = this.#isHurried;
      await this.#sleep(leftMs);
      if (this.#isHurried && !wasHurried) return;
    }
  }

  /** Until something happens, or so long. */
  #sleep(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      if (this.#stopped.signal.aborted) this.#wake();
    });
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
