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

/** What the daemon measures. Implementations never throw and hold no tenant beyond the bounded set of labels. */
export interface Metrics {
  requestEnded(measure: RequestMeasure): void;
  requestsInFlight(change: 1 | -1): void;
  kmsCallEnded(measure: KmsCallMeasure): void;
  kmsCallRetried(provider: ProviderName, reason: ErrorReason): void;
  kmsCallHedged(provider: ProviderName): void;
  dataKeyLookedUp(lookup: DataKeyLookup, use: 'read' | 'write'): void;
  dataKeyEvicted(eviction: DataKeyEviction, count: number): void;
  /** Called at each collection. At most one observer; the last one stays. */
  observeDataKeys(observe: () => DataKeyCacheState): void;
  configurationReloaded(outcome: 'applied' | 'rejected', tenants: number): void;
  /** Once, at start. */
  cipherChosen(implementation: 'native' | 'node'): void;
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
    dataKeyLookedUp: noop,
    dataKeyEvicted: noop,
    observeDataKeys: noop,
    configurationReloaded: noop,
    cipherChosen: noop,
  },
};
