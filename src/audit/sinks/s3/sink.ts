import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { AuditSink, RejectedRecord, SinkLimits, SinkRecord } from '../../sink.ts';
import { S3Bucket } from './client.ts';
import type { S3SinkSettings } from './config.ts';

const compress = promisify(gzip);
const LINE_FEED = Buffer.from('\n');
/** Puts under way at once. */
const PARALLEL = 8;
/** In object names, for the daemon's own records: no tenant's id begins so. */
const OWN = '_daemon';

/** The part of a bucket that the sink uses. */
export interface ObjectStore {
  put(key: string, body: Uint8Array, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Records as objects, one for each tenant and hour of a batch, named `tenant=T/date=YYYY-MM-DD/hour=HH/START-SEQUENCE.ndjson.gz` after the
 * first record in it: the partitions that Athena and Security Lake's tools know, and the same name where it is delivered again.
 */
export class S3Sink implements AuditSink {
  readonly kind = 's3';
  readonly limits: SinkLimits;
  readonly #store: ObjectStore;

  constructor(store: ObjectStore, lingerMs: number) {
    this.#store = store;
    this.limits = { maxRecords: 20_000, maxBytes: 4 * 1024 * 1024, lingerMs };
  }

  /** A sink before the service. */
  static open(settings: S3SinkSettings): S3Sink {
    return new S3Sink(new S3Bucket(settings), settings.batchInterval);
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    // A clock that was set back must not tear the order of a tenant's records apart: within a batch the hour does not go back.
    let latestMs = 0;
    const objects = [
      ...Map.groupBy(batch, ({ tenantId, timeMs }) => {
        latestMs = Math.max(latestMs, timeMs);
        return partitionOf(tenantId, latestMs);
      }),
    ];
    for (let at = 0; at < objects.length; at += PARALLEL) {
      const some = objects.slice(at, at + PARALLEL);
      await Promise.all(some.map(([partition, records]) => this.#put(partition, records, signal)));
    }
    return [];
  }

  async close(): Promise<void> {
    this.#store.close();
  }

  async #put(partition: string, records: readonly SinkRecord[], signal: AbortSignal): Promise<void> {
    const [first] = records as readonly [SinkRecord, ...SinkRecord[]];
    const [start, sequence] = first.id.split('-') as [string, string];
    const body = await compress(Buffer.concat(records.flatMap(({ line }) => [line, LINE_FEED])));
    await this.#store.put(`${partition}/${start}-${sequence.padStart(16, '0')}.ndjson.gz`, body, signal);
  }
}

function partitionOf(tenantId: string | undefined, timeMs: number): string {
  const [date, time] = new Date(timeMs).toISOString().split('T') as [string, string];
  // Of a tenant's id the characters that object names do not take without escaping are escaped.
  return `tenant=${encodeURIComponent(tenantId ?? OWN)}/date=${date}/hour=${time.slice(0, 2)}`;
}
