import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import { bothMetrics } from '../../../src/telemetry/both-metrics.ts';
import { DURATION_BUCKETS, LABELS, METRICS } from '../../../src/telemetry/names.ts';
import { OtelMetrics } from '../../../src/telemetry/otel-metrics.ts';
import type { AuditSinkState, Metrics } from '../../../src/telemetry/telemetry.ts';
import { BusiestTenants, HIDDEN_TENANTS, type TenantLabels } from '../../../src/telemetry/tenant-labels.ts';
import { FakeClock } from './fake-clock.ts';
import { type Point, RecordingMeter } from './recording.ts';

const METHOD = 'keyside.v1.CryptoService/Decrypt';

const SINK: AuditSinkState = {
  id: 'siem',
  kind: 'splunk-hec',
  tenantId: undefined,
  deliveredRecords: 4,
  rejectedRecords: 1,
  lagBytes: 900,
  lagMs: 2_500,
  isFailing: false,
};

function measured(tenantLabels: TenantLabels = new BusiestTenants({ clock: new FakeClock() })) {
  const recording = new RecordingMeter();
  const metrics = new OtelMetrics({
    meter: recording.meter,
    tenantLabels,
    eventLoopDelay: () => ({ p50Ms: 1, p99Ms: 20, maxMs: 300 }),
  });
  const pointsOf = async (name: string): Promise<readonly Point[]> => (await recording.collect()).get(name)?.points ?? [];
  return { metrics, recording, pointsOf };
}

/** One of everything. */
function measureAll(metrics: Metrics): void {
  metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId: 'acme', durationMs: 1 });
  metrics.requestsInFlight(1);
  metrics.kmsCallEnded({ provider: 'aws', operation: 'unwrap', outcome: 'OK', tenantId: 'acme', durationMs: 12 });
  metrics.kmsCallRetried('aws', 'KMS_THROTTLED');
  metrics.kmsCallHedged('aws');
  metrics.dataKeyLookedUp('hit', 'read');
  metrics.dataKeyEvicted('capacity', 3);
  metrics.observeBreakers(() => [{ provider: 'aws', tenantId: 'acme', isOpen: true }]);
  metrics.observeDataKeys(() => ({ entries: 5, bytes: 600, leases: 2, oldestAgeMs: 1500 }));
  metrics.configurationReloaded('applied', 7);
  metrics.cipherChosen('native');
  metrics.auditCommitEnded({ records: 3, bytes: 2_400, durationMs: 1, isOk: true });
  metrics.observeAudit(() => ({ isAvailable: true, pendingBytes: 1, spoolBytes: 2, limitBytes: 8, sinks: [SINK] }));
  metrics.podReviewed('injected', 2);
  metrics.certificateServed(1_893_456_000_000);
}

test('every metric of the table is emitted with its unit, and with the labels of its row on every point', async () => {
  const { metrics, recording } = measured();
  measureAll(metrics);
  const collected = await recording.collect();
  assert.deepEqual(
    [...collected.keys()].sort(),
    Object.values(METRICS)
      .map(({ name }) => name)
      .sort(),
  );
  for (const { name, unit, attributes } of Object.values(METRICS)) {
    assert.equal(collected.get(name)?.unit, unit);
    const labels = attributes.map((key) => LABELS[key].name).sort();
    const points = collected.get(name)?.points ?? [];
    assert.ok(points.length > 0, name);
    for (const point of points) assert.deepEqual(Object.keys(point.attributes).sort(), labels, name);
  }
});

test('requests are counted by method, outcome and tenant in seconds, in buckets from 10 µs to 10 s', async () => {
  const { metrics, pointsOf } = measured();
  metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId: 'acme', durationMs: 0.02 });
  metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId: 'acme', durationMs: 4000 });
  metrics.requestEnded({ method: METHOD, outcome: 'TENANT_UNKNOWN', tenantId: undefined, durationMs: 1 });
  const [ok, unknown] = await pointsOf(METRICS.requestDuration.name);
  assert.deepEqual(ok?.attributes, { method: METHOD, outcome: 'OK', tenant: 'acme' });
  const value = ok?.value as Histogram;
  assert.deepEqual(value.buckets.boundaries, DURATION_BUCKETS);
  assert.equal(value.count, 2);
  assert.equal(value.sum, 4.00002);
  assert.deepEqual(unknown?.attributes, { method: METHOD, outcome: 'TENANT_UNKNOWN', tenant: 'none' });
});

test('a duration that is no time is not recorded', async () => {
  const { metrics, pointsOf } = measured();
  for (const durationMs of [Number.NaN, -1]) {
    metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId: 'acme', durationMs });
  }
  assert.deepEqual(await pointsOf(METRICS.requestDuration.name), []);
});

test('calls to a KMS are labelled with the tenant but do not make a tenant busy', async () => {
  const { metrics, pointsOf } = measured(new BusiestTenants({ clock: new FakeClock(), places: 1 }));
  metrics.kmsCallEnded({ provider: 'aws', operation: 'wrap', outcome: 'OK', tenantId: 'acme', durationMs: 1 });
  metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId: 'zenith', durationMs: 1 });
  metrics.kmsCallEnded({ provider: 'aws', operation: 'wrap', outcome: 'OK', tenantId: 'zenith', durationMs: 1 });
  metrics.kmsCallEnded({ provider: 'aws', operation: 'describe', outcome: 'OK', tenantId: undefined, durationMs: 1 });
  assert.deepEqual(
    (await pointsOf(METRICS.kmsCallDuration.name)).map(({ attributes }) => attributes.tenant),
    ['other', 'zenith', 'none'],
  );
});

test('where names are hidden every tenant is all', async () => {
  const { metrics, pointsOf } = measured(HIDDEN_TENANTS);
  for (const tenantId of ['acme', 'zenith', undefined]) {
    metrics.requestEnded({ method: METHOD, outcome: 'OK', tenantId, durationMs: 1 });
  }
  assert.deepEqual(
    (await pointsOf(METRICS.requestDuration.name)).map(({ attributes, value }) => [
      attributes.tenant,
      (value as Histogram).count,
    ]),
    [
      ['all', 2],
      ['none', 1],
    ],
  );
});

test('counters of few labels are shown from the start at zero, so that their first event is seen as a rate', async () => {
  const { metrics, pointsOf } = measured();
  assert.equal((await pointsOf(METRICS.dataKeyLookups.name)).length, 8);
  assert.equal((await pointsOf(METRICS.dataKeyEvictions.name)).length, 6);
  assert.deepEqual(await pointsOf(METRICS.configReloads.name), [
    { attributes: { outcome: 'applied' }, value: 0 },
    { attributes: { outcome: 'rejected' }, value: 0 },
  ]);
  metrics.dataKeyEvicted('revoked', 4);
  metrics.dataKeyEvicted('revoked', 2);
  const revoked = (await pointsOf(METRICS.dataKeyEvictions.name)).find(({ attributes }) => attributes.cause === 'revoked');
  assert.equal(revoked?.value, 6);
});

test('requests in flight go up and down', async () => {
  const { metrics, pointsOf } = measured();
  metrics.requestsInFlight(1);
  metrics.requestsInFlight(1);
  metrics.requestsInFlight(-1);
  assert.deepEqual(await pointsOf(METRICS.requestsInFlight.name), [{ attributes: {}, value: 1 }]);
});

test('the last observer of the data keys stays, and before there is one their gauges are silent', async () => {
  const { metrics, pointsOf } = measured();
  assert.deepEqual(await pointsOf(METRICS.dataKeyEntries.name), []);
  metrics.observeDataKeys(() => ({ entries: 1, bytes: 1, leases: 1, oldestAgeMs: 1 }));
  metrics.observeDataKeys(() => ({ entries: 9, bytes: 1, leases: 1, oldestAgeMs: 2500 }));
  assert.equal((await pointsOf(METRICS.dataKeyEntries.name))[0]?.value, 9);
  assert.equal((await pointsOf(METRICS.dataKeyOldestAge.name))[0]?.value, 2.5);
});

test('a rejected configuration leaves the number of tenants as it was', async () => {
  const { metrics, pointsOf } = measured();
  metrics.configurationReloaded('applied', 7);
  metrics.configurationReloaded('rejected', 0);
  assert.equal((await pointsOf(METRICS.configTenants.name))[0]?.value, 7);
});

test('the cipher that serves is a label, and before it is known there is none', async () => {
  const { metrics, pointsOf } = measured();
  assert.deepEqual(await pointsOf(METRICS.cipher.name), []);
  metrics.cipherChosen('node');
  assert.deepEqual(await pointsOf(METRICS.cipher.name), [{ attributes: { implementation: 'node' }, value: 1 }]);
});

test('both metrics get every measurement', async () => {
  const first = measured();
  const second = measured(HIDDEN_TENANTS);
  measureAll(bothMetrics(first.metrics, second.metrics));
  for (const { name } of Object.values(METRICS)) {
    assert.ok((await first.pointsOf(name)).length > 0, name);
    assert.equal((await first.pointsOf(name)).length, (await second.pointsOf(name)).length, name);
  }
});
