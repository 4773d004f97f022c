import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EncryptResponse } from '../src/gen/keyside/v1/crypto.ts';
import { ErrorReason } from '../src/gen/keyside/v1/error.ts';
import * as client from '../src/index.ts';
import { type Answer, begin, connected, type Failure, fail, finish, frame, trailersOf } from './fake-daemon.ts';

const FIELDS = { ssn: '123' };
const ACME = { tenantId: 'acme' };
const ENCRYPTED = EncryptResponse.encode({ fields: new Map(), edek: Uint8Array.of(7) }).finish();

const REASONS = Object.keys(ErrorReason)
  .map((name) => name.replace('ERROR_REASON_', ''))
  .filter((name) => !['UNSPECIFIED', 'UNRECOGNIZED'].includes(name));

/** `KEY_REVOKED` → `KeyRevokedError` */
function className(reason: string): string {
  const words = reason.toLowerCase().split('_');
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Error`;
}

async function failureOf(call: Promise<unknown>): Promise<client.KeysideError> {
  const error = await call.then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.ok(error instanceof client.KeysideError, `ended in ${error}`);
  return error;
}

describe('an error', () => {
  it('has a type of its own for each reason of the contract', async (t) => {
    assert.ok(REASONS.length >= 23);
    const exported = client as unknown as Record<string, new () => unknown>;
    for (const reason of REASONS) {
      const failure = { code: 9, message: `${reason}: so be it`, reason, metadata: { tenantId: 'acme', keyId: 'acme-1' } };
      const { client: one } = await connected(t, [failure]);
      const error = await failureOf(one.encrypt(FIELDS, ACME));
      const type = exported[className(reason)];
      assert.ok(type !== undefined && error instanceof type, `${reason} is a ${error.name}`);
      assert.deepEqual([error.name, error.reason, error.code], [className(reason), reason, 'FAILED_PRECONDITION']);
      assert.deepEqual([error.tenantId, error.keyId, error.message], ['acme', 'acme-1', failure.message]);
      assert.deepEqual([error.isRetryable, error.retryAfterMs], [false, undefined]);
    }
  });

  it('of a reason that a newer daemon gives is a KeysideError', async (t) => {
    const { client: one } = await connected(t, [{ code: 14, message: 'BRAND_NEW: so', reason: 'BRAND_NEW', retryMs: 60_000 }]);
    const error = await failureOf(one.encrypt(FIELDS, ACME));
    assert.deepEqual([error.constructor, error.reason, error.isRetryable], [client.KeysideError, 'BRAND_NEW', true]);
    assert.equal(error.retryAfterMs, 60_000);
  });

  const foreign: Failure = { code: 7, message: 'RBAC: access denied', reason: 'KEY_REVOKED', domain: 'mesh.example' };
  const http = (status: number): Answer => {
    return (stream) => {
      stream.respond({ ':status': status, 'content-type': 'text/html' });
      stream.end('<h1>');
    };
  };
  const cases: readonly {
    readonly name: string;
    readonly answer: Answer;
    readonly want: string;
    readonly isRetryable?: boolean;
  }[] = [
    { name: "another system's details", answer: foreign, want: 'PERMISSION_DENIED: RBAC: access denied' },
    {
      name: 'a time to wait of another system',
      answer: { ...foreign, code: 8, retryMs: 1 },
      want: 'RESOURCE_EXHAUSTED: RBAC: access denied',
    },
    {
      name: 'details that are no protobuf',
      answer: { code: 13, message: 'odd', details: Uint8Array.of(0xff, 0xff) },
      want: 'INTERNAL: odd',
    },
    { name: 'a sentence beyond ASCII', answer: { code: 5, message: 'no é % here' }, want: 'NOT_FOUND: no é % here' },
    { name: 'a code that gRPC does not know', answer: { code: 99, message: 'what' }, want: 'UNKNOWN: what' },
    { name: "a proxy's 503", answer: http(503), want: 'UNAVAILABLE: Received HTTP status code 503', isRetryable: true },
    { name: "a proxy's 403", answer: http(403), want: 'PERMISSION_DENIED: Received HTTP status code 403' },
    { name: 'a web page', answer: http(200), want: 'INTERNAL: Received RST_STREAM with code 0 (Call ended without gRPC status)' },
    {
      name: 'no status after a message',
      answer: (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.end(frame(ENCRYPTED));
      },
      want: 'INTERNAL: Received RST_STREAM with code 0 (Call ended without gRPC status)',
    },
    {
      name: 'OK without a message',
      answer: (stream) => fail(stream, { code: 0, message: '' }),
      want: 'UNIMPLEMENTED: No message received',
    },
    {
      name: 'OK within a message',
      answer: (stream) => {
        begin(stream);
        finish(stream, { 'grpc-status': '0' });
        stream.end(frame(ENCRYPTED).subarray(0, -1));
      },
      want: 'UNIMPLEMENTED: No message received',
    },
    {
      name: 'a compressed message that does not say how',
      answer: (stream) => {
        begin(stream);
        finish(stream, { 'grpc-status': '0' });
        stream.end(Buffer.concat([Buffer.of(1), frame(ENCRYPTED).subarray(1)]));
      },
      want: 'UNKNOWN: the transport gave no reason',
    },
    {
      name: 'a failure behind a message',
      answer: (stream) => {
        begin(stream);
        finish(stream, trailersOf({ code: 9, message: 'KEY_REVOKED: late', reason: 'KEY_REVOKED' }));
        stream.end(frame(ENCRYPTED));
      },
      want: 'KEY_REVOKED: late',
    },
  ];
  for (const { name, answer, want, isRetryable = false } of cases) {
    it(`for ${name} is ${want}`, async (t) => {
      const { client: one } = await connected(t, [answer]);
      const error = await failureOf(one.encrypt(FIELDS, ACME));
      assert.deepEqual([error.message, error.isRetryable], [want, isRetryable]);
    });
  }
});

describe('a call that nobody answers', () => {
  it('ends in DEADLINE_EXCEEDED at the deadline of the client, and of the call', async (t) => {
    const { client: one, address, daemon } = await connected(t, ['never'], { timeoutMs: 50 });
    for (const options of [{}, { timeoutMs: 20 }]) {
      const error = await failureOf(one.encrypt(FIELDS, ACME, options));
      assert.ok(error instanceof client.DeadlineExceededError);
      assert.deepEqual([error.message, error.isRetryable], [`DEADLINE_EXCEEDED: no answer from ${address} in time`, true]);
    }
    assert.match(String(daemon.calls[0]?.headers['grpc-timeout']), /^[1-9][0-9]?m$/);
    assert.equal((await failureOf(one.encrypt(FIELDS, ACME, { timeoutMs: Number.NaN }))).reason, 'REQUEST_INVALID');
  });

  it('ends in CANCELLED where the signal ends it, before or during it, and the daemon hears of it', async (t) => {
    const heard = Promise.withResolvers<void>();
    const { client: one } = await connected(t, [(stream) => void stream.on('aborted', heard.resolve).on('close', heard.resolve)]);
    assert.ok((await failureOf(one.encrypt(FIELDS, ACME, { signal: AbortSignal.abort() }))) instanceof client.CancelledError);
    const error = await failureOf(one.encrypt(FIELDS, ACME, { signal: AbortSignal.timeout(20) }));
    assert.deepEqual([error.reason, error.isRetryable], ['CANCELLED', false]);
    await heard.promise;
  });

  it('sends a deadline beyond what a timer or the header holds', async (t) => {
    const { client: one, daemon } = await connected(t, [ENCRYPTED]);
    for (const timeoutMs of [4e9, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])
      await one.encrypt(FIELDS, ACME, { timeoutMs });
    assert.deepEqual(
      daemon.calls.map(({ headers }) => headers['grpc-timeout']),
      ['4000000S', undefined, undefined],
    );
  });
});
