import type { AuditSink, RejectedRecord, SinkRecord } from '../../sink.ts';
import { CloudwatchLogsStream, type NotKept } from './client.ts';
import type { CloudwatchLogsSinkSettings } from './config.ts';

/** What PutLogEvents allows: bytes of all messages with so many for each, events, and time between the first and the last of them. */
const MAX_REQUEST_BYTES = 1_048_576;
const EVENT_OVERHEAD_BYTES = 26;
const MAX_EVENTS = 10_000;
const MAX_SPAN_MS = 24 * 3_600_000;

interface Event {
  readonly record: SinkRecord;
  readonly message: string;
  readonly timestamp: number;
}

/** The part of a stream that the sink uses. */
export interface LogStream {
  put(events: { timestamp: number; message: string }[], signal: AbortSignal): Promise<readonly NotKept[]>;
  close(): void;
}

/** Records as events of a log stream, one for each sidecar. */
export class CloudwatchLogsSink implements AuditSink {
  readonly kind = 'cloudwatch-logs';
  readonly limits = {
    maxRecords: 1_000,
    maxBytes: MAX_REQUEST_BYTES - 1_000 * EVENT_OVERHEAD_BYTES,
    lingerMs: 500,
  };
  readonly #stream: LogStream;

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  /** A sink before the service. */
  static open(settings: CloudwatchLogsSinkSettings, sidecar: string): CloudwatchLogsSink {
    return new CloudwatchLogsSink(new CloudwatchLogsStream(settings, sidecar));
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    const rejected: RejectedRecord[] = [];
    for (const events of requestsOf(batch)) {
      const put = events.map(({ message, timestamp }) => ({ message, timestamp }));
      for (const { at, reason } of await this.#stream.put(put, signal)) {
        rejected.push({ record: (events[at] as Event).record, reason });
      }
    }
    return rejected;
  }

  async close(): Promise<void> {
    this.#stream.close();
  }
}

/**
 * The batch as requests that the service takes. It wants timestamps that do not go back, which a clock may: such an event gets that of
 * the one before it, so that the order stays; its own time stands in the record.
 */
function* requestsOf(batch: readonly SinkRecord[]): Generator<readonly Event[]> {
  let events: Event[] = [];
  let bytes = 0;
  for (const record of batch) {
    const size = record.line.length + EVENT_OVERHEAD_BYTES;
    const first = events[0]?.timestamp ?? record.timeMs;
    const timestamp = Math.max(record.timeMs, events.at(-1)?.timestamp ?? 0);
    const isFull = events.length === MAX_EVENTS || bytes + size > MAX_REQUEST_BYTES || timestamp - first >= MAX_SPAN_MS;
    if (events.length > 0 && isFull) {
      yield events;
      [events, bytes] = [[], 0];
    }
    const isFirst = events.length === 0;
    events.push({ record, message: new TextDecoder().decode(record.line), timestamp: isFirst ? record.timeMs : timestamp });
    bytes += size;
  }
  if (events.length > 0) yield events;
}
