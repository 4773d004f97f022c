import { type Histogram, type Meter, type ObservableCounter, type ObservableGauge, ValueType } from '@opentelemetry/api';
import { AuditSinkSets } from './audit-sink-sets.ts';
import { LabelledCounter } from './labelled-counter.ts';
import { LABELS, METRICS, type MetricDefinition } from './names.ts';
import { counter, described, histogram, recordMs } from './otel-instruments.ts';
import type { AuditCommit, AuditState, Outcome } from './telemetry.ts';
import type { TenantLabels } from './tenant-labels.ts';

const COMMIT_OUTCOMES: readonly Outcome[] = ['OK', 'AUDIT_UNAVAILABLE'];

/** The metrics of the audit trail on one meter. */
export class OtelAuditMetrics {
  readonly #sinks: AuditSinkSets;
  readonly #commitDuration: Histogram;
  readonly #records = new LabelledCounter([LABELS.outcome.name]);
  #writtenBytes = 0;
  #observe: (() => AuditState) | undefined;

  constructor(meter: Meter, tenantLabels: TenantLabels) {
    this.#sinks = new AuditSinkSets(tenantLabels);
    this.#commitDuration = histogram(meter, METRICS.auditCommitDuration);
    for (const outcome of COMMIT_OUTCOMES) this.#records.add(0, outcome);
    counter(meter, METRICS.auditRecords, this.#records);
    meter
      .createObservableCounter(METRICS.auditWritten.name, described(METRICS.auditWritten, ValueType.INT))
      .addCallback((result) => result.observe(this.#writtenBytes));
    this.#observeState(meter);
  }

  commitEnded({ records, bytes, durationMs, isOk }: AuditCommit): void {
    const outcome: Outcome = isOk ? 'OK' : 'AUDIT_UNAVAILABLE';
    recordMs(this.#commitDuration, durationMs, { [LABELS.outcome.name]: outcome });
    this.#records.add(records, outcome);
    if (isOk) this.#writtenBytes += bytes;
  }

  observe(observe: () => AuditState): void {
    this.#observe = observe;
  }

  #observeState(meter: Meter): void {
    const gauge = (metric: MetricDefinition): ObservableGauge => meter.createObservableGauge(metric.name, described(metric));
    const total = (metric: MetricDefinition): ObservableCounter =>
      meter.createObservableCounter(metric.name, described(metric, ValueType.INT));
    const available = gauge(METRICS.auditAvailable);
    const pending = gauge(METRICS.auditPending);
    const spool = gauge(METRICS.auditSpool);
    const limit = gauge(METRICS.auditLimit);
    const delivered = total(METRICS.auditSinkDelivered);
    const rejected = total(METRICS.auditSinkRejected);
    const waiting = gauge(METRICS.auditSinkWaiting);
    const lag = gauge(METRICS.auditSinkLag);
    const failing = gauge(METRICS.auditSinkFailing);
    meter.addBatchObservableCallback(
      (result) => {
        const state = this.#observe?.();
        if (state === undefined) return;
        result.observe(available, state.isAvailable ? 1 : 0);
        result.observe(pending, state.pendingBytes);
        result.observe(spool, state.spoolBytes);
        result.observe(limit, state.limitBytes);
        for (const set of this.#sinks.update(state.sinks)) {
          result.observe(delivered, set.delivered, set.attributes);
          result.observe(rejected, set.rejected, set.attributes);
          result.observe(waiting, set.lagBytes, set.attributes);
          result.observe(lag, set.lagMs / 1000, set.attributes);
          result.observe(failing, set.failing, set.attributes);
        }
      },
      [available, pending, spool, limit, delivered, rejected, waiting, lag, failing],
    );
  }
}
