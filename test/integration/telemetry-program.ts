/** Run by telemetry tests as a process of its own: starts telemetry from its environment, serves one request, stops, and reports. */
import { createRequire } from 'node:module';
import { systemClock } from '../../src/core/clock.ts';
import { KeysideError } from '../../src/core/errors.ts';
import { startTelemetry } from '../../src/main/otel.ts';
import { JsonLogger } from '../../src/telemetry/json-logger.ts';
import { stdoutSink } from '../../src/telemetry/log-sink.ts';
import { ATTRIBUTES, SPANS } from '../../src/telemetry/names.ts';
import type { Telemetry } from '../../src/telemetry/telemetry.ts';

const METHOD = 'keyside.v1.CryptoService/Encrypt';

/** What the floors report of one Encrypt whose first call to the KMS timed out. */
function serveOne({ startRequest, metrics }: Telemetry, traceparent: string | undefined): string | undefined {
  metrics.observeBreakers(() => [{ provider: 'aws', tenantId: 'acme', isOpen: true }]);
  metrics.observeDataKeys(() => ({ entries: 3, bytes: 1536, leases: 1, oldestAgeMs: 2500 }));
  const sink = { id: 'siem', kind: 'file', tenantId: undefined, deliveredRecords: 5, rejectedRecords: 1 } as const;
  const sinks = [{ ...sink, lagBytes: 10, lagMs: 20, isFailing: false }];
  metrics.observeAudit(() => ({ isAvailable: true, pendingBytes: 1, spoolBytes: 2, limitBytes: 8, sinks }));
  metrics.auditCommitEnded({ records: 5, bytes: 5_000, durationMs: 1, isOk: true });
  metrics.cipherChosen('native');
  metrics.podReviewed('injected', 2);
  metrics.certificateServed(1_893_456_000_000);
  metrics.configurationReloaded('applied', 2);
  metrics.requestsInFlight(1);
  const request = startRequest(METHOD, (name) => (name === 'traceparent' ? traceparent : undefined));
  request.set(ATTRIBUTES.tenant.name, 'acme');
  request.set(ATTRIBUTES.fields.name, 2);
  const lease = request.child(SPANS.keyLease.name, { [ATTRIBUTES.keyId.name]: 'acme-key' });
  const failed = lease.child(SPANS.kmsCall.name, { [ATTRIBUTES.provider.name]: 'aws', [ATTRIBUTES.attempt.name]: 1 });
  failed.end(new KeysideError('KMS_TIMEOUT', 'key acme-key: aws did not answer within 200 ms'));
  metrics.kmsCallRetried('aws', 'KMS_TIMEOUT');
  metrics.kmsCallHedged('aws');
  lease.child(SPANS.kmsCall.name, { [ATTRIBUTES.provider.name]: 'aws', [ATTRIBUTES.attempt.name]: 2 }).end();
  lease.set(ATTRIBUTES.hit.name, false);
  lease.end();
  request.end();
  metrics.dataKeyLookedUp('miss', 'write');
  metrics.kmsCallEnded({ provider: 'aws', operation: 'generate', outcome: 'OK', tenantId: 'acme', durationMs: 12 });
  metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId: 'acme', durationMs: 15 });
  return request.traceId;
}

const logger = new JsonLogger({ sink: stdoutSink() });
const started = await startTelemetry(process.env, { logger, clock: systemClock(), version: '1.2.3', shutdownTimeoutMs: 2000 });
const { telemetry } = started;
const traceId = serveOne(
  { startRequest: telemetry.startRequest.bind(telemetry), metrics: telemetry.metrics },
  process.env.TRACEPARENT,
);
await started.shutdown();
const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('@opentelemetry'));
logger.log('info', 'report', { traceId, packages: loaded.length, servesMetrics: started.collectMetrics !== undefined });
logger.flushSync();
process.exit(0);
