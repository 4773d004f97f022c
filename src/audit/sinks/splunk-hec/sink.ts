import { Buffer } from 'node:buffer';
import type { AuditSink, RejectedRecord, SinkRecord } from '../../sink.ts';
import { type AckTimes, SplunkHecClient } from './client.ts';
import type { SplunkHecSinkSettings } from './config.ts';

/** Records as events of a Splunk HTTP Event Collector: the event is the record itself. */
export class SplunkHecSink implements AuditSink {
  readonly kind = 'splunk-hec';
  /** Collectors take a megabyte unless told otherwise; the envelope of each event comes on top. */
  readonly limits = { maxRecords: 500, maxBytes: 768 * 1024, lingerMs: 500 };
  readonly #client: SplunkHecClient;
  readonly #common: string;

  constructor(settings: SplunkHecSinkSettings, ackTimes?: AckTimes) {
    this.#client = new SplunkHecClient(settings, ackTimes);
    const { host, index, source, sourcetype } = settings;
    this.#common = JSON.stringify({ host, index, source, sourcetype }).slice(1, -1);
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    const parts = batch.flatMap(({ timeMs, line }) => [
      Buffer.from(`{${this.#common},"time":${(timeMs / 1_000).toFixed(3)},"event":`),
      line,
      Buffer.from('}\n'),
    ]);
    await this.#client.send(Buffer.concat(parts), signal);
    return [];
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}
