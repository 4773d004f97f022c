import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import { METRICS } from '../../../src/telemetry/names.ts';
import { OtelMetrics } from '../../../src/telemetry/otel-metrics.ts';
import type { AuditSinkState, AuditState } from '../../../src/telemetry/telemetry.ts';
import { BusiestTenants, HIDDEN_TENANTS, type TenantLabels } from '../../../src/telemetry/tenant-labels.ts';
import { FakeClock } from './fake-clock.ts';
import { type Point, RecordingMeter } from './recording.ts';

function measured(tenantLabels: TenantLabels = HIDDEN_TENANTS) {
  const recording = new RecordingMeter();
  const metrics = new OtelMetrics({ meter: recording.meter, tenantLabels });
  const pointsOf = async (name: string): Promise<readonly Point[]> => (await recording.collect()).get(name)?.points ?? [];
  /** One collection: of each metric of sinks its values, by `sink kind tenant`. */
  const sinks = async () => {
    const collected = await recording.collect();
    const valuesOf = (name: string): Readonly<Record<string, unknown>> =>
      Object.fromEntries(
        (collected.get(name)?.points ?? []).map(({ attributes: { sink, kind, tenant }, value }) => [
          `${sink} ${kind} ${tenant}`,
          value,
        ]),
      );
    return {
      delivered: valuesOf(METRICS.auditSinkDelivered.name),
      rejected: valuesOf(METRICS.auditSinkRejected.name),
      waiting: valuesOf(METRICS.auditSinkWaiting.name),
      lag: valuesOf(METRICS.auditSinkLag.name),
      failing: valuesOf(METRICS.auditSinkFailing.name),
    };
  };
  return { metrics, pointsOf, sinks };
}

function sink(changes: Partial<AuditSinkState> = {}): AuditSinkState {
  return {
    id: 'siem',
    kind: 'syslog',
    tenantId: undefined,
    deliveredRecords: 0,
    rejectedRecords: 0,
    lagBytes: 0,
    lagMs: 0,
    isFailing: false,
    ...changes,
  };
}

function state(changes: Partial<AuditState> = {}): AuditState {
  return { isAvailable: true, pendingBytes: 0, spoolBytes: 0, limitBytes: 0, sinks: [], ...changes };
}

test('records are counted by how their commit ended, bytes where it went well, and both outcomes are shown from the start', async () => {
  const { metrics, pointsOf } = measured();
  assert.deepEqual(await pointsOf(METRICS.auditRecords.name), [
    { attributes: { outcome: 'OK' }, value: 0 },
    { attributes: { outcome: 'AUDIT_UNAVAILABLE' }, value: 0 },
  ]);
  metrics.auditCommitEnded({ records: 3, bytes: 2_000, durationMs: 2, isOk: true });
  metrics.auditCommitEnded({ records: 5, bytes: 4_000, durationMs: 30, isOk: false });
  metrics.auditCommitEnded({ records: 6, bytes: 5_000, durationMs: 4, isOk: true });
  assert.deepEqual(
    (await pointsOf(METRICS.auditRecords.name)).map(({ value }) => value),
    [9, 5],
  );
  assert.equal((await pointsOf(METRICS.auditWritten.name))[0]?.value, 7_000);
  const [ok, failed] = await pointsOf(METRICS.auditCommitDuration.name);
  assert.deepEqual([ok?.attributes, failed?.attributes], [{ outcome: 'OK' }, { outcome: 'AUDIT_UNAVAILABLE' }]);
  const durations = ok?.value as Histogram;
  assert.deepEqual([durations.count, durations.sum], [2, 0.006]);
});

test("the state of the trail is the last observer's, and before there is one its gauges are silent", async () => {
  const { metrics, pointsOf } = measured();
  assert.deepEqual(await pointsOf(METRICS.auditAvailable.name), []);
  metrics.observeAudit(() => state({ pendingBytes: 1 }));
  metrics.observeAudit(() => state({ isAvailable: false, pendingBytes: 700, spoolBytes: 9_000, limitBytes: 20_000 }));
  const { auditAvailable: available, auditPending: pending, auditSpool: spool, auditLimit: limit } = METRICS;
  assert.equal((await pointsOf(available.name))[0]?.value, 0);
  assert.equal((await pointsOf(pending.name))[0]?.value, 700);
  assert.equal((await pointsOf(spool.name))[0]?.value, 9_000);
  assert.equal((await pointsOf(limit.name))[0]?.value, 20_000);
});

test('a vendor-wide sink is told by name and kind, its lag in seconds', async () => {
  const { metrics, sinks } = measured();
  const siem = sink({ deliveredRecords: 40, rejectedRecords: 2, lagBytes: 900, lagMs: 2_500, isFailing: true });
  metrics.observeAudit(() => state({ sinks: [siem] }));
  const key = 'siem syslog none';
  assert.deepEqual(await sinks(), {
    delivered: { [key]: 40 },
    rejected: { [key]: 2 },
    waiting: { [key]: 900 },
    lag: { [key]: 2.5 },
    failing: { [key]: 1 },
  });
});

test('where tenants are hidden neither their ids nor the names of their sinks are shown: sums, and the longest lag', async () => {
  const { metrics, sinks } = measured();
  const acme = sink({ id: 'acme/acme-siem', tenantId: 'acme', deliveredRecords: 10, lagBytes: 5, lagMs: 9_000, isFailing: true });
  const globex = sink({ id: 'globex/own', tenantId: 'globex', deliveredRecords: 7, lagBytes: 8, lagMs: 1_000, isFailing: true });
  const file = sink({ id: 'globex/file', kind: 'file', tenantId: 'globex', rejectedRecords: 3 });
  metrics.observeAudit(() => state({ sinks: [acme, globex, file] }));
  const [syslogs, files] = ['all syslog all', 'all file all'];
  assert.deepEqual(await sinks(), {
    delivered: { [syslogs]: 17, [files]: 0 },
    rejected: { [syslogs]: 0, [files]: 3 },
    waiting: { [syslogs]: 8, [files]: 0 },
    lag: { [syslogs]: 9, [files]: 0 },
    failing: { [syslogs]: 2, [files]: 0 },
  });
});

test('of tenants those with a label of their own show their sinks by name, the rest together', async () => {
  const labels = new BusiestTenants({ clock: new FakeClock(), places: 1 });
  labels.count('acme');
  const { metrics, sinks } = measured(labels);
  const sinksOf = ['acme', 'globex', 'initech'].map((tenantId, at) =>
    sink({ id: `${tenantId}/own`, tenantId, deliveredRecords: 10 ** at }),
  );
  metrics.observeAudit(() => state({ sinks: sinksOf }));
  assert.deepEqual((await sinks()).delivered, { 'own syslog acme': 1, 'other syslog other': 110 });
});

test('totals never fall: not where the courier begins anew, a sink goes, or a tenant gets a label of its own', async () => {
  const labels = new BusiestTenants({ clock: new FakeClock(), places: 1 });
  const { metrics, sinks } = measured(labels);
  let own = [sink({ id: 'acme/own', tenantId: 'acme', deliveredRecords: 100 })];
  metrics.observeAudit(() => state({ sinks: own }));
  assert.deepEqual((await sinks()).delivered, { 'other syslog other': 100 });
  labels.count('acme');
  own = [sink({ id: 'acme/own', tenantId: 'acme', deliveredRecords: 130 })];
  assert.deepEqual((await sinks()).delivered, { 'other syslog other': 100, 'own syslog acme': 30 });
  own = [sink({ id: 'acme/own', tenantId: 'acme', deliveredRecords: 4 })];
  assert.deepEqual((await sinks()).delivered, { 'other syslog other': 100, 'own syslog acme': 34 });
  own = [];
  assert.deepEqual((await sinks()).delivered, { 'other syslog other': 100, 'own syslog acme': 34 });
});

test('a sink that is gone no longer lags nor fails', async () => {
  const { metrics, sinks } = measured();
  let present = [sink({ lagBytes: 5, lagMs: 1_000, isFailing: true })];
  metrics.observeAudit(() => state({ sinks: present }));
  await sinks();
  present = [];
  const key = 'siem syslog none';
  const { waiting, lag, failing } = await sinks();
  assert.deepEqual([waiting, lag, failing], [{ [key]: 0 }, { [key]: 0 }, { [key]: 0 }]);
});

test('however many tenants were the busiest in their time, the sets of labels stay bounded and nothing is lost', async () => {
  const everyTenant: TenantLabels = { count: (tenantId) => tenantId ?? 'none', labelOf: (tenantId) => tenantId ?? 'none' };
  const { metrics, sinks } = measured(everyTenant);
  const tenants = Array.from({ length: 1_500 }, (_, at) => `tenant-${at}`);
  const all = tenants.map((tenantId) => sink({ id: `${tenantId}/own`, tenantId, deliveredRecords: 1 }));
  metrics.observeAudit(() => state({ sinks: all }));
  const { delivered } = await sinks();
  assert.equal(Object.keys(delivered).length, 1_001);
  assert.equal(delivered['other syslog other'], 500);
});
