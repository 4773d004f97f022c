/** Every span, attribute and metric Keyside emits, each with what it means; `docs/telemetry.md` is generated from this file. */

export const SPANS = {
  keyOpen: {
    name: 'keyside.key.open',
    kind: 'internal',
    help: 'Finding the data key of a stored document: in the cache or through the KMS.',
  },
  keyLease: {
    name: 'keyside.key.lease',
    kind: 'internal',
    help: 'Finding a data key to encrypt under: a lease in memory or a new one from the KMS.',
  },
  kmsCall: { name: 'keyside.kms.call', kind: 'client', help: 'One attempt of one call to a KMS or HSM.' },
} as const;

export type SpanName = (typeof SPANS)[keyof typeof SPANS]['name'];

export const ATTRIBUTES = {
  tenant: { name: 'keyside.tenant.id', help: "The tenant's id." },
  keyId: { name: 'keyside.key.id', help: "The key configuration's id." },
  keyVersion: { name: 'keyside.key.version', help: 'The version of the key that wrapped the data key.' },
  provider: { name: 'keyside.provider', help: 'The kind of KMS: local, aws, ….' },
  operation: { name: 'keyside.kms.operation', help: 'wrap, unwrap, generate or describe.' },
  attempt: { name: 'keyside.kms.attempt', help: 'The number of the attempt, from 1.' },
  hit: { name: 'keyside.key.hit', help: 'True where the data key was in memory.' },
  lease: { name: 'keyside.key.lease', help: 'True where the data key serves many documents; false where it serves one.' },
  singleFlight: { name: 'keyside.key.single_flight', help: "True where the request waited for another request's KMS call." },
  outage: { name: 'keyside.key.outage', help: 'True where the data key served past its time because the KMS is unreachable.' },
  reason: { name: 'keyside.reason', help: 'Why the operation failed: a reason of docs/errors.md.' },
  fields: { name: 'keyside.document.fields', help: 'The number of fields.' },
  bytes: { name: 'keyside.document.bytes', help: 'The bytes of all field values together.' },
  documents: { name: 'keyside.batch.documents', help: 'The number of documents in a batch.' },
  caller: { name: 'keyside.caller.id', help: "The caller's configured id, or anonymous." },
} as const;

export type AttributeName = (typeof ATTRIBUTES)[keyof typeof ATTRIBUTES]['name'];

/** Attributes of OpenTelemetry's conventions for RPC, set on the server's span by the telemetry itself. */
export const RPC_ATTRIBUTES = {
  system: { name: 'rpc.system', help: 'Always grpc.' },
  service: { name: 'rpc.service', help: 'The full name of the service: keyside.v1.CryptoService.' },
  method: { name: 'rpc.method', help: 'The name of the RPC: Encrypt.' },
  statusCode: { name: 'rpc.grpc.status_code', help: "The gRPC code's number the call ended in; 0 is OK." },
} as const;

/** What metrics are split by. Each is present on every measurement of a metric that names it. */
export const LABELS = {
  method: { name: 'method', help: 'The RPC: keyside.v1.CryptoService/Encrypt.' },
  outcome: {
    name: 'outcome',
    help: 'OK or the reason of docs/errors.md it failed for; for reloads applied or rejected; for pods injected, left-alone, refused, unreadable or failed.',
  },
  tenant: {
    name: 'tenant',
    help: "The tenant's id for the busiest tenants, other for the rest, none where no known tenant was named or what is meant is no one tenant's, all where names are hidden.",
  },
  provider: { name: 'provider', help: 'The kind of KMS: local, aws, ….' },
  operation: { name: 'operation', help: 'wrap, unwrap, generate or describe.' },
  reason: { name: 'reason', help: 'The reason of docs/errors.md the attempt before failed for.' },
  lookup: {
    name: 'lookup',
    help: "hit: in memory; miss: by a KMS call; wait: by another request's call; outage: past its time, KMS unreachable.",
  },
  use: { name: 'use', help: 'read (a stored document) or write (a new one).' },
  cause: { name: 'cause', help: 'expired, capacity, revoked, dropped, reconfigured or shutdown.' },
  statistic: { name: 'statistic', help: 'p50, p99 or max.' },
  implementation: { name: 'implementation', help: 'native or node.' },
  sink: {
    name: 'sink',
    help: "The sink's name; of a tenant that has no label of its own, the label it has instead: other or all.",
  },
  kind: { name: 'kind', help: 'The kind of sink: file, syslog, ….' },
} as const;

type LabelKey = keyof typeof LABELS;

type MetricKind = 'histogram' | 'counter' | 'upDownCounter' | 'gauge';

export interface MetricDefinition {
  readonly name: string;
  readonly kind: MetricKind;
  /** UCUM: s, By, or {thing}. */
  readonly unit: string;
  readonly help: string;
  readonly attributes: readonly LabelKey[];
}

export const METRICS = {
  requestDuration: {
    name: 'keyside.request.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long requests took, from first byte to answer; its count is the number of requests.',
    attributes: ['method', 'outcome', 'tenant'],
  },
  requestsInFlight: {
    name: 'keyside.requests.in_flight',
    kind: 'upDownCounter',
    unit: '{request}',
    help: 'Requests being worked on.',
    attributes: [],
  },
  kmsCallDuration: {
    name: 'keyside.kms.call.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long calls to KMSs took, each attempt by itself.',
    attributes: ['provider', 'operation', 'outcome', 'tenant'],
  },
  kmsRetries: {
    name: 'keyside.kms.retries',
    kind: 'counter',
    unit: '{retry}',
    help: 'Calls to a KMS that were tried again.',
    attributes: ['provider', 'reason'],
  },
  kmsHedges: {
    name: 'keyside.kms.hedges',
    kind: 'counter',
    unit: '{hedge}',
    help: 'Second calls to a KMS, made beside a first one that was slow.',
    attributes: ['provider'],
  },
  kmsBreakerOpen: {
    name: 'keyside.kms.breaker.open',
    kind: 'gauge',
    unit: '1',
    help: "1 from when a KMS stopped answering for a key, whose calls now end without asking it, until it answers one again: without calls it stays 1. 0 for other keys that were used; of several that share their labels, 1 where any is open. A vendor's default key has the tenant none.",
    attributes: ['provider', 'tenant'],
  },
  dataKeyLookups: {
    name: 'keyside.data_key.lookups',
    kind: 'counter',
    unit: '{lookup}',
    help: 'How data keys were found; the hit rate is hit / all.',
    attributes: ['lookup', 'use'],
  },
  dataKeyEvictions: {
    name: 'keyside.data_key.evictions',
    kind: 'counter',
    unit: '{data_key}',
    help: 'Data keys that left memory.',
    attributes: ['cause'],
  },
  dataKeyEntries: {
    name: 'keyside.data_key.entries',
    kind: 'gauge',
    unit: '{data_key}',
    help: 'Data keys in memory.',
    attributes: [],
  },
  dataKeyMemory: {
    name: 'keyside.data_key.memory',
    kind: 'gauge',
    unit: 'By',
    help: 'Memory the data keys are counted at against their limit.',
    attributes: [],
  },
  dataKeyLeases: {
    name: 'keyside.data_key.leases',
    kind: 'gauge',
    unit: '{lease}',
    help: 'Data keys in memory that new documents are encrypted under.',
    attributes: [],
  },
  dataKeyOldestAge: {
    name: 'keyside.data_key.oldest_age',
    kind: 'gauge',
    unit: 's',
    help: 'Time since the KMS last proved the data key proven longest ago; 0 where there is none.',
    attributes: [],
  },
  configReloads: {
    name: 'keyside.config.reloads',
    kind: 'counter',
    unit: '{reload}',
    help: 'Configurations read anew.',
    attributes: ['outcome'],
  },
  configTenants: {
    name: 'keyside.config.tenants',
    kind: 'gauge',
    unit: '{tenant}',
    help: 'Tenants of the configuration in force.',
    attributes: [],
  },
  eventLoopDelay: {
    name: 'keyside.event_loop.delay',
    kind: 'gauge',
    unit: 's',
    help: 'How late the event loop served its timers over the last ten seconds or more: what every request waits besides its own work.',
    attributes: ['statistic'],
  },
  cipher: {
    name: 'keyside.cipher',
    kind: 'gauge',
    unit: '1',
    help: 'Always 1; its label says which cipher serves: native, compiled at installation, or node, which is slower.',
    attributes: ['implementation'],
  },
  auditRecords: {
    name: 'keyside.audit.records',
    kind: 'counter',
    unit: '{record}',
    help: 'Records of the audit trail that were made durable (OK), and those of attempts that failed, which are tried again.',
    attributes: ['outcome'],
  },
  auditWritten: {
    name: 'keyside.audit.written',
    kind: 'counter',
    unit: 'By',
    help: 'Bytes of the audit trail that were made durable.',
    attributes: [],
  },
  auditCommitDuration: {
    name: 'keyside.audit.commit.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long it took to write records to the audit trail and make them durable, all that waited at once.',
    attributes: ['outcome'],
  },
  auditAvailable: {
    name: 'keyside.audit.available',
    kind: 'gauge',
    unit: '1',
    help: '1 where the audit trail takes records; 0 where it does not and calls are refused with AUDIT_UNAVAILABLE.',
    attributes: [],
  },
  auditPending: {
    name: 'keyside.audit.pending',
    kind: 'gauge',
    unit: 'By',
    help: 'Records of the audit trail that are not durable yet.',
    attributes: [],
  },
  auditSpool: {
    name: 'keyside.audit.spool',
    kind: 'gauge',
    unit: 'By',
    help: 'What the audit trail takes on disk.',
    attributes: [],
  },
  auditLimit: {
    name: 'keyside.audit.limit',
    kind: 'gauge',
    unit: 'By',
    help: 'The most that the audit trail of this process may take on disk: audit.maxBytes.',
    attributes: [],
  },
  auditSinkDelivered: {
    name: 'keyside.audit.sink.delivered',
    kind: 'counter',
    unit: '{record}',
    help: 'Records that sinks took.',
    attributes: ['sink', 'kind', 'tenant'],
  },
  auditSinkRejected: {
    name: 'keyside.audit.sink.rejected',
    kind: 'counter',
    unit: '{record}',
    help: 'Records that a sink will never take; they stay in the folder undelivered.',
    attributes: ['sink', 'kind', 'tenant'],
  },
  auditSinkWaiting: {
    name: 'keyside.audit.sink.waiting',
    kind: 'gauge',
    unit: 'By',
    help: 'How much of the spool a sink has not passed yet; of several that share their labels, the most.',
    attributes: ['sink', 'kind', 'tenant'],
  },
  auditSinkLag: {
    name: 'keyside.audit.sink.lag',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the record a sink is given next, 0 where none waits; of several that share their labels, the most.',
    attributes: ['sink', 'kind', 'tenant'],
  },
  auditSinkFailing: {
    name: 'keyside.audit.sink.failing',
    kind: 'gauge',
    unit: '{sink}',
    help: 'Sinks whose last delivery failed.',
    attributes: ['sink', 'kind', 'tenant'],
  },
  podReviewDuration: {
    name: 'keyside.injector.pod.duration',
    kind: 'histogram',
    unit: 's',
    help: "How long the injector took to decide about pods, without reading the request; its count is the number of API servers' questions.",
    attributes: ['outcome'],
  },
  certificateExpiry: {
    name: 'keyside.injector.certificate.expiry',
    kind: 'gauge',
    unit: 's',
    help: "When the certificate ends that the injector's webhook serves, in seconds since 1970.",
    attributes: [],
  },
} as const satisfies Record<string, MetricDefinition>;

/** 10 µs to 10 s, for every histogram of a duration, in seconds. */
export const DURATION_BUCKETS: readonly number[] = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
  10,
];
