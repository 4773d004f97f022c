import type { ErrorReason } from '../core/errors.ts';
import type { ProviderName } from '../core/providers.ts';
import type { AttributeName, SpanName } from './names.ts';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Partial<Record<AttributeName, AttributeValue>>>;

/** How an operation ended: `OK` or the reason it failed for. */
export type Outcome = 'OK' | ErrorReason;

/** One span of a trace, or a stand-in that costs nothing where tracing is off or the trace is not sampled. */
export interface Span {
  /** Starts a span below this one. */
  child(name: SpanName, attributes?: Attributes): Span;
  set(name: AttributeName, value: AttributeValue): void;
  /** Ends the span; an error marks it failed with the error's reason. Exactly once. */
  end(error?: unknown): void;
  /** The trace id as 32 hex digits; undefined where there is none. */
  readonly traceId: string | undefined;
}

export interface RequestMeasure {
  /** `keyside.v1.CryptoService/Encrypt` */
  readonly method: string;
  readonly outcome: Outcome;
  /** Undefined where the request named no known tenant: labels must not grow by what callers invent. */
  readonly tenantId: string | undefined;
  readonly durationMs: number;
}

export interface KmsCallMeasure {
  readonly provider: ProviderName;
  readonly operation: 'wrap' | 'unwrap' | 'generate' | 'describe';
  readonly outcome: Outcome;
  readonly tenantId: string | undefined;
  readonly durationMs: number;
}

/** The breaker of one key at this instant. */
export interface BreakerState {
  readonly provider: ProviderName;
  /** Whose key it is; undefined: a key that tenants share. */
  readonly tenantId: string | undefined;
  readonly isOpen: boolean;
}

/** How a data key was found: in the cache, by a KMS call, by waiting for another request's call, or past its time in an outage. */
export type DataKeyLookup = 'hit' | 'miss' | 'wait' | 'outage';

/** Why a data key left memory. */
export type DataKeyEviction = 'expired' | 'capacity' | 'revoked' | 'dropped' | 'reconfigured' | 'shutdown';

export interface DataKeyCacheState {
  readonly entries: number;
  readonly bytes: number;
  readonly leases: number;
  /** Age of the entry proven longest ago, in milliseconds; 0 where there is none. */
  readonly oldestAgeMs: number;
}

/** One attempt to make records of the audit trail durable. */
export interface AuditCommit {
  readonly records: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly isOk: boolean;
}

/** One sink of the audit trail at this instant. */
export interface AuditSinkState {
  /** Unique: its name, below `<tenant>/` where it is a tenant's. */
  readonly id: string;
  readonly kind: string;
  /** Undefined: vendor-wide. */
  readonly tenantId: string | undefined;
  /** Since the courier began: both may begin anew. */
  readonly deliveredRecords: number;
  readonly rejectedRecords: number;
  /** Of the spool, still before it. */
  readonly lagBytes: number;
  /** Age of the record it is given next, in milliseconds; 0 where none waits. */
  readonly lagMs: number;
  readonly isFailing: boolean;
}

/** What became of one question of an API server's to the injector. */
export type PodOutcome = 'injected' | 'left-alone' | 'refused' | 'unreadable' | 'failed';

/** The audit trail at this instant. */
export interface AuditState {
  readonly isAvailable: boolean;
  /** Of records that are not durable yet. */
  readonly pendingBytes: number;
  /** Of all segments. */
  readonly spoolBytes: number;
  /** The most that they may have. */
  readonly limitBytes: number;
  readonly sinks: readonly AuditSinkState[];
}

/** What the daemon measures. Implementations never throw and hold no tenant beyond the bounded set of labels. */
export interface Metrics {
  requestEnded(measure: RequestMeasure): void;
  requestsInFlight(change: 1 | -1): void;
  kmsCallEnded(measure: KmsCallMeasure): void;
  kmsCallRetried(provider: ProviderName, reason: ErrorReason): void;
  kmsCallHedged(provider: ProviderName): void;
  /** Called at each collection. At most one observer; the last one stays. */
  observeBreakers(observe: () => readonly BreakerState[]): void;
  dataKeyLookedUp(lookup: DataKeyLookup, use: 'read' | 'write'): void;
  dataKeyEvicted(eviction: DataKeyEviction, count: number): void;
  /** Called at each collection. At most one observer; the last one stays. */
  observeDataKeys(observe: () => DataKeyCacheState): void;
  configurationReloaded(outcome: 'applied' | 'rejected', tenants: number): void;
  /** Once, at start. */
  cipherChosen(implementation: 'native' | 'node'): void;
  auditCommitEnded(commit: AuditCommit): void;
  /** Called at each collection. At most one observer; the last one stays. */
  observeAudit(observe: () => AuditState): void;
  podReviewed(outcome: PodOutcome, durationMs: number): void;
  /** The injector's webhook serves another certificate, which ends then: milliseconds since 1970. */
  certificateServed(endsMs: number): void;
}

/** Reads one header of the incoming request; undefined where it has none. */
export type HeaderReader = (name: string) => string | undefined;

export interface Telemetry {
  /** Starts the server's span of an RPC, continuing the caller's W3C trace where its headers carry one. */
  startRequest(method: string, header: HeaderReader): Span;
  readonly metrics: Metrics;
}

const noop = (): void => undefined;

export const NO_SPAN: Span = { child: () => NO_SPAN, set: noop, end: noop, traceId: undefined };

/** Telemetry that is off. */
export const NO_TELEMETRY: Telemetry = {
  startRequest: () => NO_SPAN,
  metrics: {
    requestEnded: noop,
    requestsInFlight: noop,
    kmsCallEnded: noop,
    kmsCallRetried: noop,
    kmsCallHedged: noop,
    observeBreakers: noop,
    dataKeyLookedUp: noop,
    dataKeyEvicted: noop,
    observeDataKeys: noop,
    configurationReloaded: noop,
    cipherChosen: noop,
    auditCommitEnded: noop,
    observeAudit: noop,
    podReviewed: noop,
    certificateServed: noop,
  },
};
