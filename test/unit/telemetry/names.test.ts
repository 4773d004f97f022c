import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ATTRIBUTES,
  DURATION_BUCKETS,
  LABELS,
  METRICS,
  type MetricDefinition,
  RPC_ATTRIBUTES,
  SPANS,
} from '../../../src/telemetry/names.ts';
import { prometheusName } from '../../../src/telemetry/prometheus-names.ts';

const metrics: readonly MetricDefinition[] = Object.values(METRICS);

test('no two spans, attributes, labels or metrics share a name', () => {
  for (const table of [SPANS, { ...ATTRIBUTES, ...RPC_ATTRIBUTES }, LABELS, METRICS]) {
    const names = Object.values(table).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  }
});

test("names are lower case words between dots, and Keyside's own begin with keyside", () => {
  for (const { name } of [...Object.values(SPANS), ...Object.values(ATTRIBUTES), ...metrics]) {
    assert.match(name, /^keyside(\.[a-z][a-z0-9_]*)+$/);
  }
});

test('every help is a sentence', () => {
  const tables = [SPANS, ATTRIBUTES, RPC_ATTRIBUTES, LABELS, METRICS];
  for (const { name, help } of tables.flatMap((table): { name: string; help: string }[] => Object.values(table))) {
    assert.match(help, /^\S.*\.$/, name);
  }
});

test('every label is used by a metric', () => {
  const used = new Set(metrics.flatMap(({ attributes }) => attributes));
  assert.deepEqual([...used].sort(), Object.keys(LABELS).sort());
});

test('histogram buckets rise from 10 µs to 10 s', () => {
  assert.deepEqual(
    [...DURATION_BUCKETS],
    [...DURATION_BUCKETS].sort((a, b) => a - b),
  );
  assert.equal(DURATION_BUCKETS[0], 0.000_01);
  assert.equal(DURATION_BUCKETS.at(-1), 10);
});

const prometheus: { metric: MetricDefinition; want: string }[] = [
  { metric: METRICS.requestDuration, want: 'keyside_request_duration_seconds' },
  { metric: METRICS.dataKeyMemory, want: 'keyside_data_key_memory_bytes' },
  { metric: METRICS.requestsInFlight, want: 'keyside_requests_in_flight' },
];

for (const { metric, want } of prometheus) {
  test(`${metric.name} in ${metric.unit} is called ${want} by Prometheus`, () => assert.equal(prometheusName(metric), want));
}

test('names for Prometheus are valid there', () => {
  for (const metric of metrics) assert.match(prometheusName(metric), /^[a-z][a-z0-9_]*$/);
});
