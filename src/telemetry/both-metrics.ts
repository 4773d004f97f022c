import type { Metrics } from './telemetry.ts';

/** Metrics that pass every measurement on to the first and then to the second. */
export function bothMetrics(first: Metrics, second: Metrics): Metrics {
  const both = (measure: (metrics: Metrics) => void): void => {
    measure(first);
    measure(second);
  };
  return {
    requestEnded: (measure) => both((metrics) => metrics.requestEnded(measure)),
    requestsInFlight: (change) => both((metrics) => metrics.requestsInFlight(change)),
    kmsCallEnded: (measure) => both((metrics) => metrics.kmsCallEnded(measure)),
    kmsCallRetried: (provider, reason) => both((metrics) => metrics.kmsCallRetried(provider, reason)),
    kmsCallHedged: (provider) => both((metrics) => metrics.kmsCallHedged(provider)),
    observeBreakers: (observe) => both((metrics) => metrics.observeBreakers(observe)),
    dataKeyLookedUp: (lookup, use) => both((metrics) => metrics.dataKeyLookedUp(lookup, use)),
    dataKeyEvicted: (eviction, count) => both((metrics) => metrics.dataKeyEvicted(eviction, count)),
    observeDataKeys: (observe) => both((metrics) => metrics.observeDataKeys(observe)),
    configurationReloaded: (outcome, tenants) => both((metrics) => metrics.configurationReloaded(outcome, tenants)),
    cipherChosen: (implementation) => both((metrics) => metrics.cipherChosen(implementation)),
    auditCommitEnded: (commit) => both((metrics) => metrics.auditCommitEnded(commit)),
    observeAudit: (observe) => both((metrics) => metrics.observeAudit(observe)),
    podReviewed: (outcome, durationMs) => both((metrics) => metrics.podReviewed(outcome, durationMs)),
    certificateServed: (endsMs) => both((metrics) => metrics.certificateServed(endsMs)),
  };
}
