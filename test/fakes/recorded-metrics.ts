import type {
  AuditCommit,
  AuditState,
  DataKeyCacheState,
  DataKeyEviction,
  DataKeyLookup,
  KmsCallMeasure,
  Metrics,
  PodOutcome,
  RequestMeasure,
} from '../../src/telemetry/telemetry.ts';

/** Keeps what was measured. */
export class RecordedMetrics implements Metrics {
  readonly requests: RequestMeasure[] = [];
  readonly kmsCalls: KmsCallMeasure[] = [];
  /** `hit read`, `miss write`, … in the order of the lookups. */
  readonly lookups: string[] = [];
  readonly evictions: Partial<Record<DataKeyEviction, number>> = {};
  readonly auditCommits: AuditCommit[] = [];
  readonly pods: { readonly outcome: PodOutcome; readonly durationMs: number }[] = [];
  inFlight = 0;
  #observeAudit: (() => AuditState) | undefined;
  #observe: (() => DataKeyCacheState) | undefined;

  requestEnded(measure: RequestMeasure): void {
    this.requests.push(measure);
  }

  requestsInFlight(change: 1 | -1): void {
    this.inFlight += change;
  }

  kmsCallEnded(measure: KmsCallMeasure): void {
    this.kmsCalls.push(measure);
  }

  kmsCallRetried(): void {}

  kmsCallHedged(): void {}

  observeBreakers(): void {}

  dataKeyLookedUp(lookup: DataKeyLookup, use: 'read' | 'write'): void {
    this.lookups.push(`${lookup} ${use}`);
  }

  dataKeyEvicted(eviction: DataKeyEviction, count: number): void {
    this.evictions[eviction] = (this.evictions[eviction] ?? 0) + count;
  }

  observeDataKeys(observe: () => DataKeyCacheState): void {
    this.#observe = observe;
  }

  configurationReloaded(): void {}

  cipherChosen(): void {}

  certificateServed(): void {}

  auditCommitEnded(commit: AuditCommit): void {
    this.auditCommits.push(commit);
  }

  observeAudit(observe: () => AuditState): void {
    this.#observeAudit = observe;
  }

  podReviewed(outcome: PodOutcome, durationMs: number): void {
    this.pods.push({ outcome, durationMs });
  }

  /** What a collection would see now. */
  dataKeys(): DataKeyCacheState {
    if (this.#observe === undefined) throw new Error('nobody observes data keys');
    return this.#observe();
  }

  /** As `dataKeys`, of the audit trail. */
  audit(): AuditState {
    if (this.#observeAudit === undefined) throw new Error('nobody observes the audit trail');
    return this.#observeAudit();
  }
}
