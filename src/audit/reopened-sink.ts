import { type AuditSink, type RejectedRecord, SinkError, type SinkLimits, type SinkRecord } from './sink.ts';

/** Small, until it is known what the sink takes. */
const FIRST_LIMITS: SinkLimits = { maxRecords: 1, maxBytes: 64 * 1024, lingerMs: 0 };

/** A sink that is opened with its first delivery, and again with each one until that succeeds: a missing file may come to be. */
export class ReopenedSink implements AuditSink {
  readonly kind: string;
  readonly #open: () => Promise<AuditSink>;
  #sink: AuditSink | undefined;

  constructor(kind: string, open: () => Promise<AuditSink>) {
    this.kind = kind;
    this.#open = open;
  }

  get limits(): SinkLimits {
    return this.#sink?.limits ?? FIRST_LIMITS;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    this.#sink ??= await this.#opened();
    return await this.#sink.deliver(batch, signal);
  }

  async close(): Promise<void> {
    await this.#sink?.close();
  }

  async #opened(): Promise<AuditSink> {
    try {
      return await this.#open();
    } catch (cause) {
      throw new SinkError('misconfigured', cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }
}
