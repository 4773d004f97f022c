import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Environment, OtelEnvironmentError, readOtelEnvironment } from '../../../src/main/otel-environment.ts';
import { namesOf, OTEL_VARIABLES } from '../../../src/main/otel-variables.ts';

const ENDPOINT = 'http://127.0.0.1:4318';

const off: { name: string; environment: Environment }[] = [
  { name: 'nothing is set', environment: {} },
  { name: 'all that is set is empty or blank', environment: { OTEL_TRACES_EXPORTER: '', OTEL_EXPORTER_OTLP_ENDPOINT: '  ' } },
  {
    name: 'the SDK is disabled, whatever else is set, wrong values too',
    environment: { OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'jaeger' },
  },
  {
    name: 'both exporters are none',
    environment: { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT },
  },
  {
    name: 'only variables that switch nothing on are set',
    environment: { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' },
  },
];

for (const { name, environment } of off) {
  test(`telemetry is off where ${name}`, () => assert.equal(readOtelEnvironment(environment), undefined));
}

const exporters: { name: string; environment: Environment; traces: string[]; metrics: string[] }[] = [
  {
    name: 'an endpoint for both switches both on',
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT },
    traces: ['otlp'],
    metrics: ['otlp'],
  },
  {
    name: 'an endpoint for traces switches traces on',
    environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ENDPOINT },
    traces: ['otlp'],
    metrics: [],
  },
  {
    name: 'an endpoint for metrics switches metrics on',
    environment: { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: ENDPOINT },
    traces: [],
    metrics: ['otlp'],
  },
  {
    name: 'an exporter that is named wins over the endpoint',
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_METRICS_EXPORTER: 'none' },
    traces: ['otlp'],
    metrics: [],
  },
  {
    name: 'metrics may go two ways',
    environment: { OTEL_METRICS_EXPORTER: 'otlp, prometheus' },
    traces: [],
    metrics: ['otlp', 'prometheus'],
  },
  { name: 'traces may go to the console', environment: { OTEL_TRACES_EXPORTER: 'console' }, traces: ['console'], metrics: [] },
];

for (const { name, environment, traces, metrics } of exporters) {
  test(name, () => {
    const settings = readOtelEnvironment(environment);
    assert.deepEqual(settings?.traces.exporters, traces);
    assert.deepEqual(settings?.metrics.exporters, metrics);
  });
}

test('defaults are those of the specification, and the service is called keyside', () => {
  const settings = readOtelEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT });
  assert.equal(settings?.traces.protocol, 'http/protobuf');
  assert.equal(settings?.traces.continuesCallers, true);
  assert.equal(settings?.metrics.exportIntervalMs, 60_000);
  assert.equal(settings?.metrics.exportTimeoutMs, 30_000);
  assert.equal(settings?.diagnosticLevel, 'warn');
  assert.deepEqual([...(settings?.resource ?? [])], [['service.name', 'keyside']]);
});

test('a variable for one signal wins over the one for both', () => {
  const settings = readOtelEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
  });
  assert.equal(settings?.traces.protocol, 'grpc');
  assert.equal(settings?.metrics.protocol, 'http/protobuf');
});

test('OTEL_SERVICE_NAME wins over service.name of OTEL_RESOURCE_ATTRIBUTES, whose values are decoded', () => {
  const environment = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,k8s.pod.name=p%2C1' };
  assert.deepEqual(
    [...(readOtelEnvironment(environment)?.resource ?? [])],
    [
      ['service.name', 'a'],
      ['k8s.pod.name', 'p,1'],
    ],
  );
  assert.equal(readOtelEnvironment({ ...environment, OTEL_SERVICE_NAME: 'b' })?.resource.get('service.name'), 'b');
});

test("callers' traces are not continued where tracecontext is not among the propagators", () => {
  for (const OTEL_PROPAGATORS of ['none', 'baggage']) {
    assert.equal(readOtelEnvironment({ OTEL_TRACES_EXPORTER: 'console', OTEL_PROPAGATORS })?.traces.continuesCallers, false);
  }
});

test('the time for an export of metrics is at most the interval', () => {
  const settings = readOtelEnvironment({ OTEL_METRICS_EXPORTER: 'otlp', OTEL_METRIC_EXPORT_INTERVAL: '1000' });
  assert.equal(settings?.metrics.exportTimeoutMs, 1000);
});

const readable = fileURLToPath(import.meta.url);
const accepted: Environment[] = [
  { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
  { OTEL_TRACES_SAMPLER_ARG: '1.0' },
  { OTEL_TRACES_SAMPLER_ARG: '.5' },
  { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x,x-scope=1' },
  { OTEL_EXPORTER_OTLP_CERTIFICATE: readable },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4317' },
  { OTEL_LOGS_EXPORTER: 'otlp', OTEL_NODE_RESOURCE_DETECTORS: 'all' },
];

for (const environment of accepted) {
  test(`${JSON.stringify(Object.keys(environment))} with right values is accepted`, () => {
    assert.ok(readOtelEnvironment({ OTEL_TRACES_EXPORTER: 'otlp', ...environment }));
  });
}

const SECRET = 'hunter2';
const refused: { name: string; value: string }[] = [
  { name: 'OTEL_SDK_DISABLED', value: 'yes' },
  { name: 'OTEL_TRACES_EXPORTER', value: 'jaeger' },
  { name: 'OTEL_TRACES_EXPORTER', value: 'none,otlp' },
  { name: 'OTEL_METRICS_EXPORTER', value: 'otlp,otlp' },
  { name: 'OTEL_METRICS_EXPORTER', value: 'console' },
  { name: 'OTEL_PROPAGATORS', value: 'b3' },
  { name: 'OTEL_TRACES_SAMPLER', value: 'jaeger_remote' },
  { name: 'OTEL_TRACES_SAMPLER_ARG', value: '1.5' },
  { name: 'OTEL_TRACES_SAMPLER_ARG', value: '1%' },
  { name: 'OTEL_EXPORTER_OTLP_PROTOCOL', value: 'http/json' },
  { name: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', value: 'http' },
  { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'collector:4317' },
  { name: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', value: `ftp://user:${SECRET}@collector` },
  { name: 'OTEL_EXPORTER_OTLP_HEADERS', value: SECRET },
  { name: 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', value: `a=%zz${SECRET}` },
  { name: 'OTEL_EXPORTER_OTLP_TIMEOUT', value: '10s' },
  { name: 'OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', value: '0' },
  { name: 'OTEL_EXPORTER_OTLP_COMPRESSION', value: 'zstd' },
  { name: 'OTEL_EXPORTER_OTLP_CERTIFICATE', value: '/no/such/file' },
  { name: 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', value: 'Delta' },
  { name: 'OTEL_METRIC_EXPORT_INTERVAL', value: '-1' },
  { name: 'OTEL_BSP_MAX_QUEUE_SIZE', value: '1e3' },
  { name: 'OTEL_RESOURCE_ATTRIBUTES', value: 'service.name' },
  { name: 'OTEL_LOG_LEVEL', value: 'loud' },
];

for (const { name, value } of refused) {
  test(`${name} with a value not of its form (${value.length} characters) is refused by name, without the value`, () => {
    assert.throws(
      () => readOtelEnvironment({ [name]: value }),
      (error) => {
        assert.ok(error instanceof OtelEnvironmentError);
        assert.equal(error.faults.length, 1);
        assert.ok(error.message.startsWith(`${name}: expected `));
        assert.ok(!error.message.includes(SECRET));
        return true;
      },
    );
  });
}

test('values that are wrong together are refused', () => {
  const environment = { OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_METRIC_EXPORT_TIMEOUT: '2000' };
  assert.throws(() => readOtelEnvironment(environment), {
    message: 'OTEL_METRIC_EXPORT_TIMEOUT: expected at most OTEL_METRIC_EXPORT_INTERVAL',
  });
});

test('all faults are reported together', () => {
  assert.throws(
    () => readOtelEnvironment({ OTEL_TRACES_EXPORTER: 'x', OTEL_METRICS_EXPORTER: 'y', OTEL_LOG_LEVEL: 'z' }),
    (error) => error instanceof OtelEnvironmentError && error.faults.length === 3,
  );
});

test('no variable is listed twice', () => {
  const names = OTEL_VARIABLES.flatMap(namesOf);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes('OTEL_EXPORTER_OTLP_METRICS_HEADERS'));
});
