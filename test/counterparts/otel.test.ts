import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DURATION_BUCKETS, LABELS, METRICS } from '../../src/telemetry/names.ts';
import { bufCurl, startDaemon, temporaryDirectory } from '../integration/daemon-process.ts';
import { startCollector, whyNoCollector } from './otel-collector.ts';
import { metricsOf, spansOf, spanTree } from './otel-output.ts';

const PROGRAM = fileURLToPath(new URL('../integration/telemetry-program.ts', import.meta.url));
const METHOD = 'keyside.v1.CryptoService/Encrypt';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER_SPAN_ID = 'b7ad6b7169203331';

const why = await whyNoCollector();
if (why !== undefined) console.log(`skipped: ${why}`);
const skip = why ?? false;

/** Runs one request against a Collector of its own and gives what arrived there. */
async function arrivedWith(
  t: TestContext,
  endpoint: 'grpcEndpoint' | 'httpEndpoint',
  environment: Readonly<Record<string, string>>,
) {
  const collector = await startCollector(t);
  const env = { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: collector[endpoint], ...environment };
  await promisify(execFile)(process.execPath, [PROGRAM], { env });
  const { traces, metrics } = await collector.stop();
  return { spans: spansOf(traces), metrics: metricsOf(metrics) };
}

const ways = [
  { protocol: 'http/protobuf', endpoint: 'httpEndpoint', compression: 'none' },
  { protocol: 'http/protobuf', endpoint: 'httpEndpoint', compression: 'gzip' },
  { protocol: 'grpc', endpoint: 'grpcEndpoint', compression: 'none' },
] as const;

for (const { protocol, endpoint, compression } of ways) {
  test(`over ${protocol} (compression ${compression}) the Collector receives the request's span tree and every metric`, {
    skip,
  }, async (t) => {
    const { spans, metrics } = await arrivedWith(t, endpoint, {
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
      OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=app-1',
      TRACEPARENT: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01`,
    });
    const request = spans.find(({ kind }) => kind === 2);
    const lease = spans.find(({ name }) => name === 'keyside.key.lease');
    const calls = spans.filter(({ name }) => name === 'keyside.kms.call');
    assert.equal(spans.length, 4);
    assert.ok(spans.every(({ traceId }) => traceId === TRACE_ID));
    assert.equal(request?.parentSpanId, CALLER_SPAN_ID);
    assert.equal(lease?.parentSpanId, request?.spanId);
    assert.deepEqual(
      calls.map(({ parentSpanId, kind }) => [parentSpanId, kind]),
      [
        [lease?.spanId, 3],
        [lease?.spanId, 3],
      ],
    );
    assert.deepEqual(request?.attributes, {
      'rpc.system': 'grpc',
      'rpc.service': 'keyside.v1.CryptoService',
      'rpc.method': 'Encrypt',
      'rpc.grpc.status_code': 0,
      'keyside.tenant.id': 'acme',
      'keyside.document.fields': 2,
    });
    const [failed] = calls.filter(({ status }) => status.code === 2);
    assert.equal(failed?.attributes['keyside.reason'], 'KMS_TIMEOUT');
    assert.equal(failed?.status.message, 'key acme-key: aws did not answer within 200 ms');
    assert.equal(request?.resource['service.name'], 'keyside');
    assert.equal(request?.resource['service.version'], '1.2.3');
    assert.equal(request?.resource['k8s.pod.name'], 'app-1');

    assert.deepEqual(
      metrics.map(({ name }) => name).sort(),
      Object.values(METRICS)
        .map(({ name }) => name)
        .sort(),
    );
    for (const { name, unit, attributes } of Object.values(METRICS)) {
      const arrived = metrics.find((metric) => metric.name === name);
      assert.equal(arrived?.unit, unit);
      for (const point of arrived?.points ?? []) {
        assert.deepEqual(Object.keys(point.attributes).sort(), attributes.map((key) => LABELS[key].name).sort(), name);
      }
    }
    const requests = metrics.find(({ name }) => name === METRICS.requestDuration.name)?.points;
    const attributes = { method: METHOD, outcome: 'OK', tenant: 'acme' };
    assert.deepEqual(requests, [{ attributes, count: 1, bounds: DURATION_BUCKETS }]);
  });
}

test('with the sampler traceidratio at 0 metrics arrive and spans do not', { skip }, async (t) => {
  const environment = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
  const { spans, metrics } = await arrivedWith(t, 'httpEndpoint', environment);
  assert.deepEqual(spans, []);
  assert.ok(metrics.length > 0);
});

test("an Encrypt of the daemon arrives at a Collector as one trace down to the KMS's call, and as metrics", {
  skip,
}, async (t) => {
  const collector = await startCollector(t);
  const arguments_ = ['--state-dir', temporaryDirectory(t), '--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const daemon = await startDaemon(arguments_, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint });
  t.after(() => daemon.stop());
  const replies = [
    await bufCurl(daemon.tcp, METHOD, { tenant_id: 'acme', fields: { name: 'QWxpY2U=' } }),
    await bufCurl(daemon.tcp, METHOD, { tenant_id: 'acme', fields: { name: 'Qm9i' } }),
    await bufCurl(daemon.tcp, METHOD, { tenant_id: 'nobody', fields: { name: 'Qm9i' } }),
  ];
  assert.equal(await daemon.stop(), 0);
  const { traces, metrics } = await collector.stop();
  assert.deepEqual(
    replies.map(({ code }) => code === 0),
    [true, true, false],
  );

  const spans = spansOf(traces);
  t.diagnostic(`\n${spanTree(spans)}`);
  const requests = spans.filter(({ name }) => name === METHOD);
  const outcomes = requests.map(({ attributes }) => attributes['rpc.grpc.status_code']);
  assert.deepEqual(outcomes, [0, 0, 5]);
  const below = (parent: string | undefined) => spans.filter(({ parentSpanId }) => parentSpanId === parent);
  const [lease] = below(requests[0]?.spanId);
  assert.equal(lease?.name, 'keyside.key.lease');
  assert.equal(below(lease?.spanId)[0]?.name, 'keyside.kms.call');
  const [leaseAgain] = below(requests[1]?.spanId);
  assert.deepEqual(below(leaseAgain?.spanId), []);
  assert.ok(!JSON.stringify(traces).includes('Alice'));

  const measured = metricsOf(metrics).find(({ name }) => name === METRICS.requestDuration.name);
  const counts = measured?.points
    .filter(({ attributes }) => attributes[LABELS.method.name] === METHOD)
    .map(({ attributes, count }) => [attributes[LABELS.outcome.name], attributes[LABELS.tenant.name], count]);
  assert.deepEqual(counts, [
    ['OK', 'acme', 2],
    ['TENANT_UNKNOWN', 'none', 1],
  ]);
});
