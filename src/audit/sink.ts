import type { EventKind } from './event.ts';

/** One record on its way to a sink. */
export interface SinkRecord {
  /** `<start>-<sequence>`: the same record delivered twice has the same id. Equals `metadata.uid` in `line`. */
  readonly id: string;
  /** Of the sidecar's start: 1, 2, 3, … without gaps in a sink that takes everything. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** Undefined: the daemon's own. */
  readonly tenantId: string | undefined;
  readonly kind: EventKind;
  /** The record as canonical JSON (RFC 8785) in UTF-8, without a line feed. To be delivered as it is: its bytes are what was chained. */
  readonly line: Uint8Array;
}

/** How much a sink takes at a time. */
export interface SinkLimits {
  readonly maxRecords: number;
  /** Of the lines of one delivery, without what the protocol adds. */
  readonly maxBytes: number;
  /** How long a delivery may wait for more records, in milliseconds. */
  readonly lingerMs: number;
}

/** A record that the sink will never take, e.g. for its age. */
export interface RejectedRecord {
  readonly record: SinkRecord;
  readonly reason: string;
}

/** Where records go. One delivery at a time, in the order of the spool. */
export interface AuditSink {
  /** e.g. `splunk-hec` */
  readonly kind: string;
  readonly limits: SinkLimits;

  /**
   * Resolves when the sink has taken all of `batch`, durably as far as its protocol can say so; with those that it will never take.
   * @throws {SinkError} where the whole batch is to be delivered again later
   */
  deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]>;

  /** Closes connections; a delivery under way was aborted before. */
  close(): Promise<void>;
}

/** Why a delivery failed: what an operator should look at. */
export type SinkFailure = 'unreachable' | 'overloaded' | 'unauthorized' | 'forbidden' | 'misconfigured' | 'refused';

export class SinkError extends Error {
  override readonly name = 'SinkError';
  readonly failure: SinkFailure;
  /** How long the sink asked us to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** @param message without secrets: it is logged and shown by `keyside audit status` */
  constructor(failure: SinkFailure, message: string, options: { readonly retryAfterMs?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
  }
}
