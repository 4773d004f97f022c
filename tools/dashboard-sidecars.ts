import { METRICS, type MetricDefinition } from '../src/telemetry/names.ts';
import { prometheusName } from '../src/telemetry/prometheus-names.ts';
import type { Dashboard, Panel, Row } from './dashboard.ts';

const PLACE = 'namespace=~"$namespace",pod=~"$pod"';
const TENANT = `${PLACE},tenant=~"$tenant"`;
const WINDOW = '[$__rate_interval]';

const rate = (series: string, matchers = PLACE): string => `rate(${series}{${matchers}}${WINDOW})`;
const total = (metric: MetricDefinition, matchers = PLACE): string => rate(`${prometheusName(metric)}_total`, matchers);
const count = (metric: MetricDefinition, matchers = PLACE): string => rate(`${prometheusName(metric)}_count`, matchers);
const gauge = (metric: MetricDefinition, matchers = PLACE): string => `${prometheusName(metric)}{${matchers}}`;

interface Quantile {
  readonly of: MetricDefinition;
  readonly by?: string;
  readonly matchers?: string;
}

function quantile(q: number, { of, by, matchers = PLACE }: Quantile): string {
  const buckets = rate(`${prometheusName(of)}_bucket`, matchers);
  return `histogram_quantile(${q}, sum by (le${by === undefined ? '' : `, ${by}`}) (${buckets}))`;
}

const {
  requestDuration: REQUESTS,
  kmsCallDuration: CALLS,
  dataKeyLookups: LOOKUPS,
  auditCommitDuration: COMMITS,
  auditSinkLag: LAG,
} = METRICS;

const REQUEST_PANELS: readonly Panel[] = [
  {
    title: 'Calls by outcome',
    help: 'All calls to the sidecars. Reasons for failing: docs/errors.md.',
    unit: 'reqps',
    queries: [[`sum by (outcome) (${count(REQUESTS, TENANT)})`, '{{outcome}}']],
  },
  {
    title: 'Failed calls by tenant',
    help: "One tenant alone: that customer's KMS or key. All at once: the sidecar, its node or its network.",
    unit: 'reqps',
    queries: [[`sum by (tenant, outcome) (${count(REQUESTS, `${TENANT},outcome!="OK"`)})`, '{{tenant}} {{outcome}}']],
  },
  {
    title: 'Time of calls',
    help: 'From first byte to answer, by method.',
    unit: 's',
    queries: [
      [quantile(0.5, { of: REQUESTS, by: 'method', matchers: TENANT }), 'p50 {{method}}'],
      [quantile(0.99, { of: REQUESTS, by: 'method', matchers: TENANT }), 'p99 {{method}}'],
    ],
  },
];

const KMS_PANELS: readonly Panel[] = [
  {
    title: 'KMS latency by tenant (p99)',
    help: "Each attempt by itself. Tenants have names where the daemon's telemetry.metricsShowTenants is true; else all is one.",
    unit: 's',
    queries: [[quantile(0.99, { of: CALLS, by: 'tenant, provider', matchers: TENANT }), '{{tenant}} {{provider}}']],
    redFrom: 1,
  },
  {
    title: 'KMS calls that failed, by tenant',
    help: 'KMS_UNAVAILABLE, KMS_TIMEOUT and KMS_THROTTLED pass by themselves; all others need the customer or the configuration.',
    unit: 'reqps',
    queries: [
      [`sum by (tenant, provider, outcome) (${count(CALLS, `${TENANT},outcome!="OK"`)})`, '{{tenant}} {{provider}} {{outcome}}'],
    ],
  },
  {
    title: 'Breaker open, by tenant',
    help: "1: the KMS does not answer for a key, and calls end without asking it until one finds it back; without calls it stays. Tenant none: the vendor's default key.",
    unit: 'short',
    queries: [
      [
        `max by (tenant, provider) (${gauge(METRICS.kmsBreakerOpen, `${PLACE},tenant=~"$tenant|none"`)})`,
        '{{tenant}} {{provider}}',
      ],
    ],
    redFrom: 1,
  },
  {
    title: 'Calls tried again, by reason',
    help: 'Retries, and second calls beside a slow first one (hedges).',
    unit: 'reqps',
    queries: [
      [`sum by (provider, reason) (${total(METRICS.kmsRetries)})`, '{{provider}} {{reason}}'],
      [`sum by (provider) (${total(METRICS.kmsHedges)})`, '{{provider}} hedges'],
    ],
  },
];

const KEY_PANELS: readonly Panel[] = [
  {
    title: 'Data keys found in memory',
    help: 'The share of lookups that needed no KMS, for reading and for writing.',
    unit: 'percentunit',
    queries: [[`sum by (use) (${total(LOOKUPS, `${PLACE},lookup="hit"`)}) / sum by (use) (${total(LOOKUPS)})`, '{{use}}']],
  },
  {
    title: 'Data keys served past their time',
    help: 'The KMS is out of reach, and cache.outageLimit lets them serve still.',
    unit: 'reqps',
    queries: [[`sum by (namespace, pod, use) (${total(LOOKUPS, `${PLACE},lookup="outage"`)})`, '{{namespace}}/{{pod}} {{use}}']],
  },
  {
    title: 'Age of the oldest proof',
    help: 'Since the KMS last proved the data key that was proven longest ago: bounded by lease.ttl, cache.ttl and cache.outageLimit.',
    unit: 's',
    queries: [[`max by (namespace, pod) (${gauge(METRICS.dataKeyOldestAge)})`, '{{namespace}}/{{pod}}']],
    redFrom: 600,
  },
  {
    title: 'Data keys and leases',
    help: 'In memory; a lease is one that new documents are encrypted under.',
    unit: 'short',
    queries: [
      [`sum(${gauge(METRICS.dataKeyEntries)})`, 'data keys'],
      [`sum(${gauge(METRICS.dataKeyLeases)})`, 'leases'],
    ],
  },
  {
    title: 'Memory of data keys',
    help: 'What they are counted at against cache.maxBytes.',
    unit: 'bytes',
    queries: [[`max by (namespace, pod) (${gauge(METRICS.dataKeyMemory)})`, '{{namespace}}/{{pod}}']],
  },
  {
    title: 'Data keys that left memory, by cause',
    help: 'capacity: the cache is too small. revoked: a customer took its key away.',
    unit: 'reqps',
    queries: [[`sum by (cause) (${total(METRICS.dataKeyEvictions)})`, '{{cause}}']],
  },
];

const AUDIT_PANELS: readonly Panel[] = [
  {
    title: 'Audit trail takes records',
    help: '0: calls end in AUDIT_UNAVAILABLE now. The log says why: disk full or gone, or a sink that takes nothing.',
    unit: 'short',
    queries: [[`min by (namespace, pod) (${gauge(METRICS.auditAvailable)})`, '{{namespace}}/{{pod}}']],
    redBelow: 1,
  },
  {
    title: 'Audit lag by sink',
    help: 'Age of the record that a sink is given next.',
    unit: 's',
    queries: [[`max by (sink, kind, tenant) (${gauge(LAG, TENANT)})`, '{{sink}} {{kind}} {{tenant}}']],
    redFrom: 300,
  },
  {
    title: 'Sinks that fail, and records they will never take',
    help: 'The log says why. Records that were rejected stay in undelivered/ for people.',
    unit: 'short',
    queries: [
      [`sum by (sink, kind) (${gauge(METRICS.auditSinkFailing, TENANT)})`, 'failing {{sink}} {{kind}}'],
      [`sum by (sink, kind) (${total(METRICS.auditSinkRejected, TENANT)})`, 'rejected a second {{sink}} {{kind}}'],
    ],
    redFrom: 1,
  },
  {
    title: 'Room that waits for a sink',
    help: 'Of audit.maxBytes, the share that holds what a sink has yet to take. At 1 the trail is full, and calls end in AUDIT_UNAVAILABLE.',
    unit: 'percentunit',
    queries: [
      [
        `max by (namespace, pod) (${gauge(METRICS.auditSinkWaiting, TENANT)}) / max by (namespace, pod) (${gauge(METRICS.auditLimit)})`,
        '{{namespace}}/{{pod}}',
      ],
    ],
    redFrom: 0.8,
  },
  {
    title: 'Audit trail on disk',
    help: 'All of it, the most there may be, what a sink has yet to pass, and records not durable yet. What every sink has taken stays while there is room.',
    unit: 'bytes',
    queries: [
      [`max by (namespace, pod) (${gauge(METRICS.auditPending)})`, 'not durable {{namespace}}/{{pod}}'],
      [`max by (namespace, pod) (${gauge(METRICS.auditSpool)})`, 'all {{namespace}}/{{pod}}'],
      [`max by (namespace, pod) (${gauge(METRICS.auditLimit)})`, 'at most {{namespace}}/{{pod}}'],
      [`max by (sink, kind) (${gauge(METRICS.auditSinkWaiting, TENANT)})`, 'waiting {{sink}} {{kind}}'],
    ],
  },
  {
    title: 'Time to make records durable (p99)',
    help: 'In mode required every call waits for it.',
    unit: 's',
    queries: [[quantile(0.99, { of: COMMITS, by: 'namespace, pod' }), '{{namespace}}/{{pod}}']],
    redFrom: 0.05,
  },
  {
    title: 'Records',
    help: 'Made durable, and delivered to sinks.',
    unit: 'reqps',
    queries: [
      [`sum by (outcome) (${total(METRICS.auditRecords)})`, '{{outcome}}'],
      [`sum by (sink) (${total(METRICS.auditSinkDelivered, TENANT)})`, 'delivered {{sink}}'],
    ],
  },
];

const LOAD_PANELS: readonly Panel[] = [
  {
    title: 'Rejected callers',
    help: 'Without a token that is known, or not for that tenant or operation: a slip of the configuration, or someone who tries.',
    unit: 'reqps',
    queries: [
      [
        `sum by (namespace, pod, outcome) (${count(REQUESTS, `${PLACE},outcome=~"CALLER_UNAUTHENTICATED|CALLER_NOT_ALLOWED"`)})`,
        '{{namespace}}/{{pod}} {{outcome}}',
      ],
    ],
  },
  {
    title: 'Overload',
    help: 'Calls that were refused because the sidecar has as much work as it may have. One tenant alone: mostly its slow KMS.',
    unit: 'reqps',
    queries: [[`sum by (tenant) (${count(REQUESTS, `${TENANT},outcome="OVERLOADED"`)})`, '{{tenant}}']],
  },
  {
    title: 'Calls being worked on',
    help: 'limits.maxConcurrentCalls bounds it.',
    unit: 'short',
    queries: [[`max by (namespace, pod) (${gauge(METRICS.requestsInFlight)})`, '{{namespace}}/{{pod}}']],
  },
  {
    title: 'Event loop delay (p99)',
    help: 'What every call waits besides its own work: the sidecar is short of processor time.',
    unit: 's',
    queries: [
      [`max by (namespace, pod) (${gauge(METRICS.eventLoopDelay, `${PLACE},statistic="p99"`)})`, '{{namespace}}/{{pod}}'],
    ],
    redFrom: 0.1,
  },
  {
    title: 'Configurations read anew',
    help: 'rejected: the file is at fault and its last version serves on; the log has the lines.',
    unit: 'short',
    queries: [
      [`sum by (outcome) (increase(${prometheusName(METRICS.configReloads)}_total{${PLACE}}[1h]))`, '{{outcome}} an hour'],
    ],
  },
  {
    title: 'Sidecars by cipher, and tenants',
    help: 'node is the slower one: the image lacks the compiled cipher.',
    unit: 'short',
    queries: [
      [`sum by (implementation) (${gauge(METRICS.cipher)})`, '{{implementation}}'],
      [`max(${gauge(METRICS.configTenants)})`, 'tenants'],
    ],
  },
];

const ROWS: readonly Row[] = [
  { title: 'Calls', panels: REQUEST_PANELS },
  { title: 'KMS', panels: KMS_PANELS },
  { title: 'Data keys', panels: KEY_PANELS },
  { title: 'Audit', panels: AUDIT_PANELS },
  { title: 'Refusals and load', panels: LOAD_PANELS },
];

/** The sidecars of all pods. */
export const SIDECARS: Dashboard = {
  uid: 'keyside-sidecars',
  title: 'Keyside / sidecars',
  help: 'What the sidecars do, and what their KMSs do to them. Alerts: keyside-alerts.yaml.',
  variables: [
    ['namespace', `label_values(${prometheusName(METRICS.cipher)}, namespace)`],
    ['pod', `label_values(${prometheusName(METRICS.cipher)}{namespace=~"$namespace"}, pod)`],
    ['tenant', `label_values(${prometheusName(REQUESTS)}_count{namespace=~"$namespace"}, tenant)`],
  ],
  rows: ROWS,
};
