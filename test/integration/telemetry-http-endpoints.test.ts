import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type HttpEndpointsOptions, startHttpEndpoints } from '../../src/main/http-endpoints.ts';
import { startTelemetry } from '../../src/main/otel.ts';
import { prometheusHandler } from '../../src/main/otel-prometheus.ts';
import { METRICS } from '../../src/telemetry/names.ts';
import { prometheusName } from '../../src/telemetry/prometheus-names.ts';
import { FakeClock } from '../unit/telemetry/fake-clock.ts';

const silent = { log: () => undefined };

async function serve(t: TestContext, options: Partial<HttpEndpointsOptions> = {}) {
  const endpoints = await startHttpEndpoints({ host: '127.0.0.1', port: 0, isReady: () => true, ...options });
  t.after(() => endpoints.close());
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${endpoints.port}${path}`, { method });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  return { ask, ...endpoints };
}

test('livez says ok whether ready or not, and readyz follows readiness', async (t) => {
  let isReady = false;
  const { ask } = await serve(t, { isReady: () => isReady });
  assert.deepEqual([(await ask('/livez')).status, (await ask('/readyz')).status], [200, 503]);
  isReady = true;
  assert.equal((await ask('/readyz?verbose')).status, 200);
  isReady = false;
  assert.deepEqual([(await ask('/livez')).status, (await ask('/readyz')).status], [200, 503]);
});

test('HEAD gets the status without a body', async (t) => {
  const { ask } = await serve(t);
  assert.deepEqual([(await ask('/readyz', 'HEAD')).status, (await ask('/readyz', 'HEAD')).body], [200, '']);
});

test('answers are not cached and are plain text', async (t) => {
  const { headers } = await (await serve(t)).ask('/livez');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
});

for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
  test(`${method} is refused`, async (t) => {
    const { status, headers } = await (await serve(t)).ask('/livez', method);
    assert.equal(status, 405);
    assert.equal(headers.get('allow'), 'GET, HEAD');
  });
}

test('other paths are not found', async (t) => {
  const { ask } = await serve(t);
  for (const path of ['/', '/livez/', '/debug', '//livez']) assert.equal((await ask(path)).status, 404, path);
});

test('metrics that are off say how they are switched on', async (t) => {
  const { status, body } = await (await serve(t)).ask('/metrics');
  assert.equal(status, 404);
  assert.match(body, /OTEL_METRICS_EXPORTER=prometheus/);
});

test('metrics that cannot be collected answer 500 without the cause', async (t) => {
  const metricsHandler = prometheusHandler({ collect: () => Promise.reject(new Error('hunter2')), logger: silent });
  const { status, body } = await (await serve(t, { metricsHandler })).ask('/metrics');
  assert.equal(status, 500);
  assert.ok(!body.includes('hunter2'));
});

test('one collection serves all scrapes of a second', async (t) => {
  const clock = new FakeClock();
  let collections = 0;
  const collect = async (): Promise<string> => `collection ${++collections}`;
  const { ask } = await serve(t, { metricsHandler: prometheusHandler({ collect, logger: silent, nowMs: () => clock.nowMs() }) });
  const bodies = async () => (await Promise.all([ask('/metrics'), ask('/metrics')])).map(({ body }) => body);
  assert.deepEqual(await bodies(), ['collection 1', 'collection 1']);
  clock.advance(1000);
  assert.deepEqual(await bodies(), ['collection 2', 'collection 2']);
});

test('a client that does not finish its request is cut off', async (t) => {
  const { port } = await serve(t, { limits: { requestTimeoutMs: 50 } });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  socket.resume();
  await once(socket, 'close');
});

test('whoever comes when there is no room gets in, and the connection that idles for longest ends', async (t) => {
  const { port, ask } = await serve(t, { limits: { maxConnections: 2 } });
  const [first, second] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  t.after(() => second.destroy());
  await Promise.all([once(first, 'connect'), once(second, 'connect')]);
  const third = connect(port, '127.0.0.1');
  t.after(() => third.destroy());
  await once(first.resume(), 'close');
  second.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(String((await once(second, 'data'))[0]), /^HTTP\/1\.1 200 /);
  // The second has been answered since: the third idles for longer.
  const ended = once(third.resume(), 'close');
  assert.equal((await ask('/livez')).status, 200);
  await ended;
});

for (const sent of ['', 'GET /livez HTTP/1.1\r\nX-Slow: ', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n']) {
  test(`a probe gets in beside 100 connections that send ${JSON.stringify(sent)} and hold on`, async (t) => {
    const { port } = await serve(t);
    const holders = hold(t, port, { sent, returning: false });
    await holders.there;
    for (let at = 0; at < 20; at += 1) assert.equal(await probe(port), 200);
  });

  test(`a probe gets in beside 100 connections that send ${JSON.stringify(sent)} and come again when they are ended`, async (t) => {
    const { port } = await serve(t);
    const holders = hold(t, port, { sent, returning: true });
    await holders.there;
    for (let at = 0; at < 20; at += 1) assert.equal(await probe(port), 200);
  });
}

/** As many sockets as would fill the server, from another address than the probe's. */
function hold(t: TestContext, port: number, { sent, returning }: { readonly sent: string; readonly returning: boolean }) {
  const open = new Set<Socket>();
  let isOver = false;
  const begin = (): Promise<unknown> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    open.add(socket);
    socket.on('error', () => undefined).on('data', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      if (returning && !isOver) setImmediate(() => void begin());
    });
    socket.write(sent);
    return once(socket, 'connect').catch(() => undefined);
  };
  t.after(() => {
    isOver = true;
    for (const socket of open) socket.destroy();
  });
  return { there: Promise.all(Array.from({ length: 100 }, begin)) };
}

/** As the kubelet does: a connection for each. Anything but an answer fails the test. */
async function probe(port: number): Promise<number | undefined> {
  const [response] = await once(get({ port, host: '127.0.0.1', path: '/livez', agent: false }), 'response');
  response.resume();
  return response.statusCode;
}

test('headers beyond 8 KiB are refused', async (t) => {
  const { port } = await serve(t);
  const response = await fetch(`http://127.0.0.1:${port}/livez`, { headers: { 'x-large': 'x'.repeat(9000) } });
  assert.equal(response.status, 431);
});

test('an address that is taken is refused', async (t) => {
  const { port } = await serve(t);
  await assert.rejects(startHttpEndpoints({ host: '127.0.0.1', port, isReady: () => true }), { code: 'EADDRINUSE' });
});

test('closing ends open connections', async () => {
  const endpoints = await startHttpEndpoints({ host: '127.0.0.1', port: 0, isReady: () => true });
  const idle = connect(endpoints.port, '127.0.0.1').resume();
  await once(idle, 'connect');
  await Promise.all([once(idle, 'close'), endpoints.close()]);
});

async function scrape(t: TestContext, metricsShowTenants: boolean): Promise<string> {
  const options = { logger: silent, clock: new FakeClock(), version: '1.2.3', metricsShowTenants };
  const { telemetry, collectMetrics, shutdown } = await startTelemetry({ OTEL_METRICS_EXPORTER: 'prometheus' }, options);
  t.after(shutdown);
  const { metrics } = telemetry;
  metrics.observeBreakers(() => [{ provider: 'aws', tenantId: 'acme', isOpen: true }]);
  metrics.observeDataKeys(() => ({ entries: 3, bytes: 1536, leases: 1, oldestAgeMs: 2500 }));
  const sink = { id: 'siem', kind: 'file', tenantId: undefined, deliveredRecords: 5, rejectedRecords: 1 } as const;
  const sinks = [{ ...sink, lagBytes: 10, lagMs: 20, isFailing: false }];
  metrics.observeAudit(() => ({ isAvailable: true, pendingBytes: 1, spoolBytes: 2, limitBytes: 8, sinks }));
  metrics.auditCommitEnded({ records: 5, bytes: 5_000, durationMs: 1, isOk: true });
  metrics.cipherChosen('native');
  metrics.configurationReloaded('applied', 2);
  metrics.podReviewed('injected', 2);
  metrics.certificateServed(1_893_456_000_000);
  metrics.kmsCallRetried('aws', 'KMS_TIMEOUT');
  metrics.kmsCallHedged('aws');
  metrics.kmsCallEnded({ provider: 'aws', operation: 'wrap', outcome: 'OK', tenantId: 'acme', durationMs: 12 });
  metrics.requestEnded({ method: 'keyside.v1.CryptoService/Encrypt', outcome: 'OK', tenantId: 'acme', durationMs: 15 });
  assert.ok(collectMetrics !== undefined);
  const metricsHandler = prometheusHandler({ collect: collectMetrics, logger: silent });
  const { status, headers, body } = await (await serve(t, { metricsHandler })).ask('/metrics');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return body;
}

test('every metric is served to Prometheus under its name there, and no tenant by name', async (t) => {
  const body = await scrape(t, false);
  for (const metric of Object.values(METRICS)) {
    const name = prometheusName(metric);
    const type = metric.kind === 'upDownCounter' ? 'gauge' : metric.kind;
    assert.ok(body.includes(`# TYPE ${type === 'counter' ? `${name}_total` : name} ${type}\n`), name);
  }
  assert.match(body, /keyside_request_duration_seconds_count\{.*tenant="all"\} 1\n/);
  assert.doesNotMatch(body, /acme/);
});

test('tenants are shown by name where that is configured', async (t) => {
  assert.match(await scrape(t, true), /keyside_request_duration_seconds_count\{.*tenant="acme"\} 1\n/);
});
