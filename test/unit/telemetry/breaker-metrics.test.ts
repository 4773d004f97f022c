import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../../src/telemetry/names.ts';
import { OtelMetrics } from '../../../src/telemetry/otel-metrics.ts';
import type { BreakerState } from '../../../src/telemetry/telemetry.ts';
import { BusiestTenants, HIDDEN_TENANTS, type TenantLabels } from '../../../src/telemetry/tenant-labels.ts';
import { FakeClock } from './fake-clock.ts';
import { RecordingMeter } from './recording.ts';

const EVERY_TENANT: TenantLabels = { count: (tenantId) => tenantId ?? 'none', labelOf: (tenantId) => tenantId ?? 'none' };

function measured(tenantLabels: TenantLabels) {
  const recording = new RecordingMeter();
  const metrics = new OtelMetrics({ meter: recording.meter, tenantLabels });
  /** One collection: the values by `provider tenant`. */
  const breakers = async (): Promise<Readonly<Record<string, unknown>>> => {
    const points = (await recording.collect()).get(METRICS.kmsBreakerOpen.name)?.points ?? [];
    return Object.fromEntries(points.map(({ attributes: { provider, tenant }, value }) => [`${provider} ${tenant}`, value]));
  };
  return { metrics, breakers };
}

const breaker = (tenantId: string | undefined, isOpen: boolean, provider: BreakerState['provider'] = 'aws'): BreakerState => ({
  provider,
  tenantId,
  isOpen,
});

test("the breakers are the last observer's, and before there is one the gauge is silent", async () => {
  const { metrics, breakers } = measured(EVERY_TENANT);
  assert.deepEqual(await breakers(), {});
  metrics.observeBreakers(() => [breaker('acme', false)]);
  metrics.observeBreakers(() => [breaker('globex', true)]);
  assert.deepEqual(await breakers(), { 'aws globex': 1 });
});

test('of several keys of a tenant one that is open shows, whichever comes first, but not as of another provider', async () => {
  const { metrics, breakers } = measured(EVERY_TENANT);
  metrics.observeBreakers(() => [
    breaker('acme', true),
    breaker('acme', false),
    breaker('acme', false, 'gcp'),
    breaker('globex', false),
    breaker('globex', true),
    breaker('initech', false),
  ]);
  assert.deepEqual(await breakers(), { 'aws acme': 1, 'gcp acme': 0, 'aws globex': 1, 'aws initech': 0 });
});

test('a key that tenants share has the tenant none, hidden or not', async () => {
  for (const labels of [EVERY_TENANT, HIDDEN_TENANTS, new BusiestTenants({ clock: new FakeClock() })]) {
    const { metrics, breakers } = measured(labels);
    metrics.observeBreakers(() => [breaker(undefined, true)]);
    assert.deepEqual(await breakers(), { 'aws none': 1 });
  }
});

test('where tenants are hidden none is named, and any that is open shows', async () => {
  const { metrics, breakers } = measured(HIDDEN_TENANTS);
  metrics.observeBreakers(() => [breaker('acme', true), breaker('globex', false), breaker('globex', false, 'gcp')]);
  assert.deepEqual(await breakers(), { 'aws all': 1, 'gcp all': 0 });
});

test('a tenant without a label of its own is one of the others, and breakers make no tenant busy', async () => {
  const labels = new BusiestTenants({ clock: new FakeClock(), places: 1 });
  const { metrics, breakers } = measured(labels);
  metrics.observeBreakers(() => [breaker('acme', true), breaker('globex', false)]);
  assert.deepEqual(await breakers(), { 'aws other': 1 });
  labels.count('acme');
  assert.deepEqual(await breakers(), { 'aws other': 0, 'aws acme': 1 });
});

test('a breaker that closed, or whose key is gone, is no longer open', async () => {
  const { metrics, breakers } = measured(EVERY_TENANT);
  let present = [breaker('acme', true), breaker('globex', true)];
  metrics.observeBreakers(() => present);
  assert.deepEqual(await breakers(), { 'aws acme': 1, 'aws globex': 1 });
  present = [breaker('acme', false)];
  assert.deepEqual(await breakers(), { 'aws acme': 0, 'aws globex': 0 });
});

test('however many tenants were the busiest in their time, the sets of labels stay bounded and none that is open is lost', async () => {
  const { metrics, breakers } = measured(EVERY_TENANT);
  metrics.observeBreakers(() => Array.from({ length: 1_500 }, (_, at) => breaker(`tenant-${at}`, at === 1_499)));
  const shown = await breakers();
  assert.equal(Object.keys(shown).length, 1_001);
  assert.equal(shown['aws other'], 1);
});
