import type { SinkStatus } from '../audit/courier-status.ts';
import type { SpoolFacts, StartFacts, Undelivered } from './audit-spool.ts';

/** What the courier says each second is stale after so long, in milliseconds. */
const STALE_MS = 15_000;

/** One sink, judged. */
export interface SinkFinding {
  readonly id: string;
  readonly kind: string;
  /** Absent: vendor-wide. */
  readonly tenantId?: string | undefined;
  /** Since the daemon started. */
  readonly delivered: number;
  readonly rejected: number;
  /** Of the last record that it took. */
  readonly lastSequence?: number | undefined;
  /** Bytes of the spool before it, those of other tenants included. */
  readonly waitingBytes: number;
  /** How long the record that it is given next has waited; absent where none does. */
  readonly lagMs?: number | undefined;
  readonly failure?: { readonly kind: string; readonly message: string; readonly at: string; readonly agoMs: number } | undefined;
}

export interface SpoolFinding {
  readonly directory: string;
  readonly sidecar?: string | undefined;
  readonly signingKey?: string | undefined;
  readonly writer?: { readonly pid: number; readonly host: string } | undefined;
  readonly segments: number;
  readonly bytes: number;
  readonly starts: readonly (StartFacts & { readonly ageMs: number; readonly lastWriteAgoMs: number })[];
  /** How old what is said of the sinks is; absent where there are none. */
  readonly toldAgoMs?: number | undefined;
  readonly sinks: readonly SinkFinding[];
  readonly undelivered: readonly Undelivered[];
  /** What someone should look at, in words; of these the exit code is made. */
  readonly problems: readonly string[];
}

export interface Judgement {
  readonly nowMs: number;
  /** Undefined: however far a sink is behind. */
  readonly maxLagMs: number | undefined;
}

/** What a spool's facts mean to whoever watches over it. */
export function judgeSpool(facts: SpoolFacts, judgement: Judgement): SpoolFinding {
  const { nowMs } = judgement;
  const { status, ...rest } = facts;
  // A run without sinks tells nothing: what is there then is of a former one.
  const isOfFormerRun = facts.writer !== undefined && (status?.writtenAtMs ?? 0) < (facts.starts[0]?.firstRecordMs ?? 0);
  const present = isOfFormerRun ? undefined : status;
  const sinks = (present?.sinks ?? []).map((sink) => sinkFinding(sink, nowMs));
  const toldAgoMs = present === undefined ? undefined : Math.max(0, nowMs - present.writtenAtMs);
  const isSilent = facts.writer !== undefined && toldAgoMs !== undefined && toldAgoMs > STALE_MS;
  return {
    ...rest,
    starts: facts.starts.map((start) => ({
      ...start,
      ageMs: nowMs - start.firstRecordMs,
      lastWriteAgoMs: nowMs - start.lastWriteMs,
    })),
    toldAgoMs,
    sinks,
    problems: [
      ...(isSilent ? [`the daemon runs, but its courier has told nothing for ${Math.round(toldAgoMs / 1_000)} s`] : []),
      ...sinks.flatMap((sink) => sinkProblems(sink, judgement.maxLagMs)),
    ],
  };
}

function sinkFinding(sink: SinkStatus, nowMs: number): SinkFinding {
  const { id, kind, tenantId, deliveredRecords, rejectedRecords, lastSequence, isDelivered, waitingBytes, failure } = sink;
  const waitsSince = isDelivered ? undefined : sink.oldestWaitingMs;
  return {
    id,
    kind,
    tenantId,
    delivered: deliveredRecords,
    rejected: rejectedRecords,
    lastSequence,
    waitingBytes,
    lagMs: waitsSince === undefined ? undefined : Math.max(0, nowMs - waitsSince),
    failure: failure && {
      kind: failure.kind,
      message: failure.message,
      at: new Date(failure.atMs).toISOString(),
      agoMs: Math.max(0, nowMs - failure.atMs),
    },
  };
}

function sinkProblems({ id, lagMs = 0, failure }: SinkFinding, maxLagMs: number | undefined): string[] {
  return [
    ...(failure === undefined ? [] : [`sink ${id} fails: ${failure.kind}`]),
    ...(maxLagMs !== undefined && lagMs > maxLagMs ? [`sink ${id} is ${Math.round(lagMs / 1_000)} s behind`] : []),
  ];
}
