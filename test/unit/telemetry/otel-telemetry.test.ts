import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { type ErrorReason, KeysideError } from '../../../src/core/errors.ts';
import { ATTRIBUTES, RPC_ATTRIBUTES, SPANS } from '../../../src/telemetry/names.ts';
import { OtelTelemetry } from '../../../src/telemetry/otel-telemetry.ts';
import { NO_SPAN, NO_TELEMETRY } from '../../../src/telemetry/telemetry.ts';
import { recordingTracing } from './recording.ts';

const METHOD = 'keyside.v1.CryptoService/Encrypt';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER_SPAN_ID = 'b7ad6b7169203331';

const noHeader = (): undefined => undefined;
const callerHeader =
  (flags: string) =>
  (name: string): string | undefined =>
    name === 'traceparent' ? `00-${TRACE_ID}-${CALLER_SPAN_ID}-${flags}` : undefined;

test('a request yields a server span with the attributes of the RPC conventions and the code it ended in', () => {
  const { tracing, spans } = recordingTracing('all');
  new OtelTelemetry({ tracing }).startRequest(METHOD, noHeader).end();
  const [span] = spans();
  assert.equal(span?.name, METHOD);
  assert.equal(span?.kind, SpanKind.SERVER);
  assert.deepEqual(span?.attributes, {
    [RPC_ATTRIBUTES.system.name]: 'grpc',
    [RPC_ATTRIBUTES.service.name]: 'keyside.v1.CryptoService',
    [RPC_ATTRIBUTES.method.name]: 'Encrypt',
    [RPC_ATTRIBUTES.statusCode.name]: 0,
  });
  assert.equal(span?.status.code, SpanStatusCode.UNSET);
});

test('spans below a request form one tree, and calls to a KMS are of kind client', () => {
  const { tracing, spans } = recordingTracing('all');
  const request = new OtelTelemetry({ tracing }).startRequest(METHOD, noHeader);
  const lease = request.child(SPANS.keyLease.name, { [ATTRIBUTES.tenant.name]: 'acme' });
  lease.child(SPANS.kmsCall.name, { [ATTRIBUTES.attempt.name]: 1 }).end();
  lease.set(ATTRIBUTES.hit.name, false);
  lease.end();
  request.end();
  const [kms, key, server] = spans();
  assert.equal(kms?.parentSpanContext?.spanId, key?.spanContext().spanId);
  assert.equal(key?.parentSpanContext?.spanId, server?.spanContext().spanId);
  assert.equal(server?.parentSpanContext, undefined);
  assert.deepEqual([kms?.kind, key?.kind], [SpanKind.CLIENT, SpanKind.INTERNAL]);
  assert.deepEqual(kms?.attributes, { [ATTRIBUTES.attempt.name]: 1 });
  assert.deepEqual(key?.attributes, { [ATTRIBUTES.tenant.name]: 'acme', [ATTRIBUTES.hit.name]: false });
  assert.equal(new Set(spans().map((span) => span.spanContext().traceId)).size, 1);
});

test("a caller's W3C trace is continued", () => {
  const { tracing, spans } = recordingTracing('none');
  const request = new OtelTelemetry({ tracing }).startRequest(METHOD, callerHeader('01'));
  request.end();
  assert.equal(request.traceId, TRACE_ID);
  assert.equal(spans()[0]?.parentSpanContext?.spanId, CALLER_SPAN_ID);
});

test("a caller's malformed trace context begins a new trace", () => {
  const { tracing, spans } = recordingTracing('all');
  const request = new OtelTelemetry({ tracing }).startRequest(METHOD, () => '00-zz-zz-01');
  request.end();
  assert.match(request.traceId ?? '', /^[0-9a-f]{32}$/);
  assert.equal(spans()[0]?.parentSpanContext, undefined);
});

test("without a propagator a caller's trace is not continued", () => {
  const { tracing, spans } = recordingTracing('all');
  const telemetry = new OtelTelemetry({ tracing: { ...tracing, callers: undefined } });
  telemetry.startRequest(METHOD, callerHeader('01')).end();
  assert.notEqual(spans()[0]?.spanContext().traceId, TRACE_ID);
});

test('a request that is not sampled knows its trace id, has itself as every child, and exports nothing', () => {
  const { tracing, spans } = recordingTracing('all');
  const request = new OtelTelemetry({ tracing }).startRequest(METHOD, callerHeader('00'));
  assert.equal(request.traceId, TRACE_ID);
  const child = request.child(SPANS.keyOpen.name).child(SPANS.kmsCall.name);
  assert.equal(child, request);
  child.set(ATTRIBUTES.hit.name, true);
  child.end(new Error('ignored'));
  request.end();
  assert.deepEqual(spans(), []);
});

test('a request without a caller that is not sampled has no span and no id: the tracer is not even asked', () => {
  const { tracing } = recordingTracing('none');
  const tracer = new Proxy(tracing.tracer, {
    get: () => {
      throw new Error('the tracer was asked');
    },
  });
  assert.equal(new OtelTelemetry({ tracing: { ...tracing, tracer } }).startRequest(METHOD, noHeader), NO_SPAN);
});

test("of an unsampled caller's headers one is read, and the tracer is not asked", () => {
  const { tracing } = recordingTracing('all');
  const read: string[] = [];
  const tracer = new Proxy(tracing.tracer, {
    get: () => {
      throw new Error('the tracer was asked');
    },
  });
  const header = (name: string): string | undefined => {
    read.push(name);
    return callerHeader('00')(name);
  };
  assert.equal(new OtelTelemetry({ tracing: { ...tracing, tracer } }).startRequest(METHOD, header).traceId, TRACE_ID);
  assert.deepEqual(read, ['traceparent']);
});

const failures: { reason: ErrorReason; code: number }[] = [
  { reason: 'CANCELLED', code: 1 },
  { reason: 'REQUEST_INVALID', code: 3 },
  { reason: 'KMS_TIMEOUT', code: 4 },
  { reason: 'TENANT_UNKNOWN', code: 5 },
  { reason: 'POLICY_DENIED', code: 7 },
  { reason: 'KMS_THROTTLED', code: 8 },
  { reason: 'KEY_REVOKED', code: 9 },
  { reason: 'INTERNAL', code: 13 },
  { reason: 'KMS_UNAVAILABLE', code: 14 },
  { reason: 'CALLER_UNAUTHENTICATED', code: 16 },
];

for (const { reason, code } of failures) {
  test(`a request that fails with ${reason} ends with status error, its reason, its message and gRPC code ${code}`, () => {
    const { tracing, spans } = recordingTracing('all');
    new OtelTelemetry({ tracing }).startRequest(METHOD, noHeader).end(new KeysideError(reason, 'what was wrong'));
    const [span] = spans();
    assert.deepEqual(span?.status, { code: SpanStatusCode.ERROR, message: 'what was wrong' });
    assert.equal(span?.attributes[ATTRIBUTES.reason.name], reason);
    assert.equal(span?.attributes[RPC_ATTRIBUTES.statusCode.name], code);
  });
}

test("an unknown error's message, stack and values are not exported", () => {
  const { tracing, spans } = recordingTracing('all');
  const secret = 'hunter2-plaintext';
  const request = new OtelTelemetry({ tracing }).startRequest(METHOD, noHeader);
  request.child(SPANS.keyOpen.name).end(Object.assign(new Error(secret), { secret }));
  request.end(secret);
  for (const span of spans()) {
    assert.equal(span.attributes[ATTRIBUTES.reason.name], 'INTERNAL');
    assert.deepEqual(span.status, { code: SpanStatusCode.ERROR });
    assert.deepEqual(span.events, []);
    assert.ok(!JSON.stringify([span.attributes, span.status, span.events]).includes(secret));
  }
});

test("a known error's message is cut at 256 characters and its cause stays here", () => {
  const { tracing, spans } = recordingTracing('all');
  const error = new KeysideError('KMS_TIMEOUT', 'x'.repeat(1000), { cause: new Error('the vendor said') });
  new OtelTelemetry({ tracing }).startRequest(METHOD, noHeader).end(error);
  assert.equal(spans()[0]?.status.message?.length, 256);
});

test('an ended span ignores a second end and later attributes', () => {
  const { tracing, spans } = recordingTracing('all');
  const request = new OtelTelemetry({ tracing }).startRequest(METHOD, noHeader);
  request.end();
  request.end(new KeysideError('INTERNAL', 'late'));
  request.set(ATTRIBUTES.hit.name, true);
  assert.equal(spans().length, 1);
  assert.equal(spans()[0]?.status.code, SpanStatusCode.UNSET);
  assert.ok(!(ATTRIBUTES.hit.name in (spans()[0]?.attributes ?? {})));
});

test('a method without a slash has no service', () => {
  const { tracing, spans } = recordingTracing('all');
  new OtelTelemetry({ tracing }).startRequest('Ping', noHeader).end();
  assert.equal(spans()[0]?.attributes[RPC_ATTRIBUTES.service.name], '');
  assert.equal(spans()[0]?.attributes[RPC_ATTRIBUTES.method.name], 'Ping');
});

test('many methods do not grow what is remembered without bound, and their attributes stay right', () => {
  const { tracing, spans } = recordingTracing('all');
  const telemetry = new OtelTelemetry({ tracing });
  for (let index = 0; index < 200; index += 1) telemetry.startRequest(`service/Method${index}`, noHeader).end();
  assert.deepEqual(
    spans().map((span) => span.attributes[RPC_ATTRIBUTES.method.name]),
    Array.from({ length: 200 }, (_, index) => `Method${index}`),
  );
});

test('without tracing and metrics nothing is made', () => {
  const telemetry = new OtelTelemetry({});
  assert.equal(telemetry.startRequest(METHOD, noHeader), NO_SPAN);
  assert.equal(telemetry.metrics, NO_TELEMETRY.metrics);
});
