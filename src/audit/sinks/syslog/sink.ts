import { Buffer } from 'node:buffer';
import { hostname as hostnameOfMachine } from 'node:os';
import type { AuditSink, RejectedRecord, SinkRecord } from '../../sink.ts';
import { SyslogClient } from './client.ts';
import type { SyslogSinkSettings } from './config.ts';

const INFORMATIONAL = 6;
/** The largest `sequenceId` of RFC 5424; the one after it is 1. */
const MAX_SEQUENCE_ID = 2 ** 31 - 1;

/** Records as syslog messages (RFC 5424), each with its length before it (RFC 5425); the message is the record itself. */
export class SyslogSink implements AuditSink {
  readonly kind = 'syslog';
  /** Large, since each delivery has a connection of its own. */
  readonly limits = { maxRecords: 5_000, maxBytes: 2 * 1024 * 1024, lingerMs: 1_000 };
  readonly #client: SyslogClient;
  readonly #priority: number;
  readonly #source: string;

  constructor(settings: SyslogSinkSettings, client = new SyslogClient(settings)) {
    this.#client = client;
    this.#priority = settings.facility * 8 + INFORMATIONAL;
    this.#source = `${settings.hostname ?? (hostnameOfMachine().replace(/[^!-~]/g, '') || '-')} ${settings.appName} -`;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    const parts = batch.flatMap((record) => {
      const head = Buffer.from(this.#head(record));
      return [Buffer.from(`${head.length + record.line.length} `), head, record.line];
    });
    await this.#client.send(Buffer.concat(parts), signal);
    return [];
  }

  async close(): Promise<void> {
    // Each delivery closes its connection.
  }

  /** Everything before the message: priority, version, time, host, application, process, id of the message, structured data. */
  #head({ timeMs, kind, sequence }: SinkRecord): string {
    const sequenceId = ((sequence - 1) % MAX_SEQUENCE_ID) + 1;
    return `<${this.#priority}>1 ${new Date(timeMs).toISOString()} ${this.#source} ${kind} [meta sequenceId="${sequenceId}"] `;
  }
}
