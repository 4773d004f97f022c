import { type Histogram, type Meter, type ObservableResult, ValueType } from '@opentelemetry/api';
import type { ErrorReason } from '../core/errors.ts';
import type { ProviderName } from '../core/providers.ts';
import { BreakerSets } from './breaker-sets.ts';
import { LabelSets } from './label-sets.ts';
import { LabelledCounter } from './labelled-counter.ts';
import { LABELS, METRICS, type MetricDefinition } from './names.ts';
import { OtelAuditMetrics } from './otel-audit-metrics.ts';
import { counter, described, histogram, recordMs } from './otel-instruments.ts';
import type {
  AuditCommit,
  AuditState,
  BreakerState,
  DataKeyCacheState,
  DataKeyEviction,
  DataKeyLookup,
  KmsCallMeasure,
  Metrics,
  PodOutcome,
  RequestMeasure,
} from './telemetry.ts';
import type { TenantLabels } from './tenant-labels.ts';

const LOOKUPS: readonly DataKeyLookup[] = ['hit', 'miss', 'wait', 'outage'];
const EVICTIONS: readonly DataKeyEviction[] = ['expired', 'capacity', 'revoked', 'dropped', 'reconfigured', 'shutdown'];

/** How late the event loop served its timers, in milliseconds. */
export interface EventLoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface OtelMetricsOptions {
  readonly meter: Meter;
  readonly tenantLabels: TenantLabels;
  /** Called at each collection. */
  readonly eventLoopDelay?: (() => EventLoopDelay) | undefined;
}

/**
 * The metrics of `names.ts` on one meter. Durations are recorded as they happen; all else is kept in plain numbers and read when
 * metrics are collected, so that the hot path pays for one recording.
 */
export class OtelMetrics implements Metrics {
  readonly #tenantLabels: TenantLabels;
  readonly #requestDuration: Histogram;
  readonly #kmsCallDuration: Histogram;
  readonly #podReviewDuration: Histogram;
  readonly #requestLabels = new LabelSets([LABELS.method.name, LABELS.outcome.name, LABELS.tenant.name]);
  readonly #retries = new LabelledCounter([LABELS.provider.name, LABELS.reason.name]);
  readonly #hedges = new LabelledCounter([LABELS.provider.name]);
  readonly #lookups = new LabelledCounter([LABELS.lookup.name, LABELS.use.name]);
  readonly #evictions = new LabelledCounter([LABELS.cause.name]);
  readonly #reloads = new LabelledCounter([LABELS.outcome.name]);
  readonly #audit: OtelAuditMetrics;
  readonly #breakers: BreakerSets;
  #inFlight = 0;
  #tenants: number | undefined;
  #cipher: 'native' | 'node' | undefined;
  #certificateEndsMs: number | undefined;
  #observeBreakers: (() => readonly BreakerState[]) | undefined;
  #observeDataKeys: (() => DataKeyCacheState) | undefined;

  constructor(options: OtelMetricsOptions) {
    const { meter } = options;
    this.#tenantLabels = options.tenantLabels;
    this.#breakers = new BreakerSets(options.tenantLabels);
    this.#requestDuration = histogram(meter, METRICS.requestDuration);
    this.#kmsCallDuration = histogram(meter, METRICS.kmsCallDuration);
    this.#podReviewDuration = histogram(meter, METRICS.podReviewDuration);
    this.#showKnownLabels();
    counter(meter, METRICS.kmsRetries, this.#retries);
    counter(meter, METRICS.kmsHedges, this.#hedges);
    gauge(meter, METRICS.kmsBreakerOpen, (result) => {
      const state = this.#observeBreakers?.();
      if (state === undefined) return;
      for (const { isOpen, attributes } of this.#breakers.update(state)) result.observe(isOpen ? 1 : 0, attributes);
    });
    counter(meter, METRICS.dataKeyLookups, this.#lookups);
    counter(meter, METRICS.dataKeyEvictions, this.#evictions);
    counter(meter, METRICS.configReloads, this.#reloads);
    meter
      .createObservableUpDownCounter(METRICS.requestsInFlight.name, described(METRICS.requestsInFlight, ValueType.INT))
      .addCallback((result) => result.observe(this.#inFlight));
    gauge(meter, METRICS.configTenants, (result) => {
      if (this.#tenants !== undefined) result.observe(this.#tenants);
    });
    gauge(meter, METRICS.cipher, (result) => {
      if (this.#cipher !== undefined) result.observe(1, { [LABELS.implementation.name]: this.#cipher });
    });
    gauge(meter, METRICS.certificateExpiry, (result) => {
      if (this.#certificateEndsMs !== undefined) result.observe(this.#certificateEndsMs / 1000);
    });
    this.#observeDataKeyGauges(meter);
    this.#audit = new OtelAuditMetrics(meter, options.tenantLabels);
    if (options.eventLoopDelay !== undefined) observeEventLoop(meter, options.eventLoopDelay);
  }

  requestEnded(measure: RequestMeasure): void {
    const tenant = this.#tenantLabels.count(measure.tenantId);
    const labels = this.#requestLabels.get(measure.method, measure.outcome, tenant);
    recordMs(this.#requestDuration, measure.durationMs, labels);
  }

  requestsInFlight(change: 1 | -1): void {
    this.#inFlight += change;
  }

  kmsCallEnded(measure: KmsCallMeasure): void {
    recordMs(this.#kmsCallDuration, measure.durationMs, {
      [LABELS.provider.name]: measure.provider,
      [LABELS.operation.name]: measure.operation,
      [LABELS.outcome.name]: measure.outcome,
      [LABELS.tenant.name]: this.#tenantLabels.labelOf(measure.tenantId),
    });
  }

  kmsCallRetried(provider: ProviderName, reason: ErrorReason): void {
    this.#retries.add(1, provider, reason);
  }

  kmsCallHedged(provider: ProviderName): void {
    this.#hedges.add(1, provider);
  }

  observeBreakers(observe: () => readonly BreakerState[]): void {
    this.#observeBreakers = observe;
  }

  dataKeyLookedUp(lookup: DataKeyLookup, use: 'read' | 'write'): void {
    this.#lookups.add(1, lookup, use);
  }

  dataKeyEvicted(eviction: DataKeyEviction, count: number): void {
    this.#evictions.add(count, eviction);
  }

  observeDataKeys(observe: () => DataKeyCacheState): void {
    this.#observeDataKeys = observe;
  }

  configurationReloaded(outcome: 'applied' | 'rejected', tenants: number): void {
    this.#reloads.add(1, outcome);
    if (outcome === 'applied') this.#tenants = tenants;
  }

  cipherChosen(implementation: 'native' | 'node'): void {
    this.#cipher = implementation;
  }

  auditCommitEnded(commit: AuditCommit): void {
    this.#audit.commitEnded(commit);
  }

  observeAudit(observe: () => AuditState): void {
    this.#audit.observe(observe);
  }

  podReviewed(outcome: PodOutcome, durationMs: number): void {
    recordMs(this.#podReviewDuration, durationMs, { [LABELS.outcome.name]: outcome });
  }

  certificateServed(endsMs: number): void {
    this.#certificateEndsMs = endsMs;
  }

  #showKnownLabels(): void {
    for (const lookup of LOOKUPS) {
      this.#lookups.add(0, lookup, 'read');
      this.#lookups.add(0, lookup, 'write');
    }
    for (const eviction of EVICTIONS) this.#evictions.add(0, eviction);
    for (const outcome of ['applied', 'rejected']) this.#reloads.add(0, outcome);
  }

  #observeDataKeyGauges(meter: Meter): void {
    const make = (metric: MetricDefinition) => meter.createObservableGauge(metric.name, described(metric));
    const entries = make(METRICS.dataKeyEntries);
    const memory = make(METRICS.dataKeyMemory);
    const leases = make(METRICS.dataKeyLeases);
    const age = make(METRICS.dataKeyOldestAge);
    meter.addBatchObservableCallback(
      (result) => {
        const state = this.#observeDataKeys?.();
        if (state === undefined) return;
        result.observe(entries, state.entries);
        result.observe(memory, state.bytes);
        result.observe(leases, state.leases);
        result.observe(age, state.oldestAgeMs / 1000);
      },
      [entries, memory, leases, age],
    );
  }
}

function gauge(meter: Meter, metric: MetricDefinition, observe: (result: ObservableResult) => void): void {
  meter.createObservableGauge(metric.name, described(metric)).addCallback(observe);
}

function observeEventLoop(meter: Meter, read: () => EventLoopDelay): void {
  gauge(meter, METRICS.eventLoopDelay, (result) => {
    const { p50Ms, p99Ms, maxMs } = read();
    result.observe(p50Ms / 1000, { [LABELS.statistic.name]: 'p50' });
    result.observe(p99Ms / 1000, { [LABELS.statistic.name]: 'p99' });
    result.observe(maxMs / 1000, { [LABELS.statistic.name]: 'max' });
  });
}
