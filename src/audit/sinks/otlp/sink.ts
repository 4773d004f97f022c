import type { AuditSink, RejectedRecord, SinkRecord } from '../../sink.ts';
import { OtlpLogsClient } from './client.ts';
import type { OtlpSinkSettings } from './config.ts';

/** The part of a client that the sink uses. */
export interface LogExporter {
  export(records: readonly SinkRecord[], signal: AbortSignal): Promise<{ readonly rejected: number; readonly reason: string }>;
  close(): void;
}

/** Records as OpenTelemetry logs. */
export class OtlpSink implements AuditSink {
  readonly kind = 'otlp';
  readonly limits = { maxRecords: 1_000, maxBytes: 2 * 1024 * 1024, lingerMs: 500 };
  readonly #client: LogExporter;

  constructor(client: LogExporter) {
    this.#client = client;
  }

  /** A sink before a receiver. */
  static open(settings: OtlpSinkSettings, sidecar: string): OtlpSink {
    return new OtlpSink(new OtlpLogsClient(settings, sidecar));
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    const { rejected, reason } = await this.#client.export(batch, signal);
    if (rejected === 0) return [];
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) return [{ record: first, reason: reason || 'rejected without a reason' }];
    // Of many it is not said which: one at a time it is. Those that were taken are delivered again, with the same ids.
    const found: RejectedRecord[] = [];
    for (const record of batch) found.push(...(await this.deliver([record], signal)));
    return found;
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}
