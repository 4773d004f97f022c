import { type AuditSink, type RejectedRecord, SinkError, type SinkLimits, type SinkRecord } from '../../src/audit/sink.ts';

/** A sink in memory, which can be told to fail, to be slow or to take a part only. */
export class FakeSink implements AuditSink {
  readonly kind = 'fake';
  readonly limits: SinkLimits;
  readonly taken: SinkRecord[] = [];
  readonly batches: number[] = [];
  attempts = 0;
  isClosed = false;
  /** What a delivery does instead of taking the batch; undefined: it takes it. */
  behaviour: ((batch: readonly SinkRecord[], signal: AbortSignal) => Promise<readonly RejectedRecord[]>) | undefined;

  constructor(limits: Partial<SinkLimits> = {}) {
    this.limits = { maxRecords: 10, maxBytes: 1024 * 1024, lingerMs: 0, ...limits };
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    this.attempts += 1;
    if (this.behaviour !== undefined) return this.behaviour(batch, signal);
    this.take(batch);
    return [];
  }

  take(batch: readonly SinkRecord[]): void {
    this.batches.push(batch.length);
    this.taken.push(...batch);
  }

  get sequences(): number[] {
    return this.taken.map(({ sequence }) => sequence);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** The behaviour of a sink that is out of order. */
export async function unreachable(): Promise<never> {
  throw new SinkError('unreachable', 'connection refused');
}

/** The behaviour of a sink that never answers. */
export function silent(_batch: readonly SinkRecord[], signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new SinkError('unreachable', 'aborted'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
