import type { Delivery } from './delivery.ts';
import type { SinkFailure } from './sink.ts';

/** The name of the file, beside the spool, that `keyside audit status` reads. */
export const STATUS_FILE = 'status.json';

export interface SinkStatus {
  readonly id: string;
  readonly kind: string;
  /** Undefined: vendor-wide. */
  readonly tenantId: string | undefined;
  /** Since the daemon started. */
  readonly deliveredRecords: number;
  readonly rejectedRecords: number;
  readonly lastSequence: number | undefined;
  readonly lastTimeMs: number | undefined;
  readonly isDelivered: boolean;
  /** Bytes of the spool that are still before it, those of other tenants included. */
  readonly waitingBytes: number;
  /** When the record that it is given next was made. */
  readonly oldestWaitingMs: number | undefined;
  readonly failure: { readonly kind: SinkFailure; readonly message: string; readonly atMs: number } | undefined;
}

export interface CourierStatus {
  readonly writtenAtMs: number;
  readonly spoolBytes: number;
  readonly sinks: readonly SinkStatus[];
}

export function sinkStatus(
  { target, state, oldestWaitingMs }: Delivery,
  { isDelivered, waitingBytes }: Pick<SinkStatus, 'isDelivered' | 'waitingBytes'>,
): SinkStatus {
  const { deliveredRecords, rejectedRecords, lastSequence, lastTimeMs, failure } = state;
  return {
    id: target.id,
    kind: target.sink.kind,
    tenantId: target.tenantId,
    deliveredRecords,
    rejectedRecords,
    lastSequence,
    lastTimeMs,
    isDelivered,
    waitingBytes,
    oldestWaitingMs,
    failure,
  };
}
