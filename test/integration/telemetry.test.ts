import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('telemetry-program.ts', import.meta.url));
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

type LogLine = Readonly<Record<string, string | number | boolean>>;

/** Runs the program with these variables alone and gives what it logged. */
async function run(environment: Readonly<Record<string, string>>): Promise<readonly LogLine[]> {
  const program = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(program.stdout), once(program, 'close')]);
  assert.equal(program.exitCode, 0);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function reportOf(lines: readonly LogLine[]): LogLine {
  return lines.find(({ message }) => message === 'report') ?? assert.fail('the program did not report');
}

interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A stand-in for a collector: takes everything over HTTP and keeps it. */
async function startReceiver(t: TestContext, status = 200) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { received, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('with nothing set telemetry is off and nothing of OpenTelemetry is loaded', async () => {
  const lines = await run({});
  assert.equal(lines.length, 1);
  assert.equal(reportOf(lines).packages, 0);
  assert.equal(reportOf(lines).traceId, undefined);
});

test('with OTEL_SDK_DISABLED=true nothing is loaded whatever else is set', async () => {
  const lines = await run({ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  assert.equal(reportOf(lines).packages, 0);
});

test('with an endpoint set traces and metrics are sent there over http/protobuf with the headers, before the process ends', async (t) => {
  const { received, endpoint } = await startReceiver(t);
  const lines = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-scope=one%20two',
    OTEL_SERVICE_NAME: 'payments-keyside',
    TRACEPARENT: `00-${TRACE_ID}-b7ad6b7169203331-01`,
  });
  assert.equal(lines.length, 1);
  assert.equal(reportOf(lines).traceId, TRACE_ID);
  assert.deepEqual(received.map(({ path }) => path).sort(), ['/v1/metrics', '/v1/traces']);
  for (const { headers, body } of received) {
    assert.equal(headers['content-type'], 'application/x-protobuf');
    assert.equal(headers['x-scope'], 'one two');
    assert.ok(body.includes('payments-keyside'));
  }
  const traces = received.find(({ path }) => path === '/v1/traces')?.body;
  for (const part of [
    Buffer.from(TRACE_ID, 'hex'),
    'keyside.v1.CryptoService/Encrypt',
    'keyside.key.lease',
    'keyside.kms.call',
    'KMS_TIMEOUT',
  ]) {
    assert.ok(traces?.includes(part), String(part));
  }
  const metrics = received.find(({ path }) => path === '/v1/metrics')?.body;
  for (const part of ['keyside.request.duration', 'keyside.data_key.memory', 'keyside.event_loop.delay', 'acme']) {
    assert.ok(metrics?.includes(part), part);
  }
});

test('a trace the caller did not sample is not sent, and its id is known all the same', async (t) => {
  const { received, endpoint } = await startReceiver(t);
  const lines = await run({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces`,
    TRACEPARENT: `00-${TRACE_ID}-b7ad6b7169203331-00`,
  });
  assert.equal(reportOf(lines).traceId, TRACE_ID);
  assert.deepEqual(received, []);
});

test('with always_off nothing is sent', async (t) => {
  const { received, endpoint } = await startReceiver(t);
  await run({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces`, OTEL_TRACES_SAMPLER: 'always_off' });
  assert.deepEqual(received, []);
});

test('with a receiver that refuses the process works on, says so once for each signal, and ends in time', async (t) => {
  const { endpoint } = await startReceiver(t, 401);
  const lines = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hunter2' });
  const failures = lines.filter(({ message }) => message === 'telemetry cannot be exported');
  assert.deepEqual(failures.map(({ signal }) => signal).sort(), ['metrics', 'traces']);
  assert.ok(failures.every(({ errorCode }) => errorCode === 401));
  assert.ok(!JSON.stringify(lines).includes('hunter2'));
  assert.ok(reportOf(lines));
});

test('with no receiver the process works on and ends in time', async () => {
  const startedMs = performance.now();
  const lines = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  assert.ok(reportOf(lines));
  assert.ok(performance.now() - startedMs < 10_000);
});

test('with the prometheus exporter metrics are served, and no tracing is loaded', async () => {
  const report = reportOf(await run({ OTEL_METRICS_EXPORTER: 'prometheus' }));
  assert.equal(report.servesMetrics, true);
  assert.equal(report.traceId, undefined);
});
