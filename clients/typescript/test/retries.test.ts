import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EncryptResponse } from '../src/gen/keyside/v1/crypto.ts';
import {
  CallerUnauthenticatedError,
  InternalError,
  KeysideClient,
  KmsUnavailableError,
  OverloadedError,
  UnavailableError,
} from '../src/index.ts';
import { type Answer, connected, type Failure, fail } from './fake-daemon.ts';

const FIELDS = { ssn: '123' };
const ACME = { tenantId: 'acme' };
const ENCRYPTED = EncryptResponse.encode({ fields: new Map(), edek: Uint8Array.of(7) }).finish();
const overloaded = (retryMs: number): Failure => ({ code: 8, message: 'OVERLOADED: full', reason: 'OVERLOADED', retryMs });

/** Makes every jitter `share` of the most. */
function jitter(t: TestContext, share: number): void {
  t.mock.method(Math, 'random', () => share);
}

describe('a call is made again', () => {
  it('where the daemon names a time, after that time at least', async (t) => {
    const { client, daemon } = await connected(t, [overloaded(30), overloaded(30), ENCRYPTED]);
    const started = performance.now();
    assert.deepEqual([...(await client.encrypt(FIELDS, ACME)).edek], [7]);
    assert.ok(performance.now() - started >= 58, 'it came back too early');
    assert.equal(daemon.calls.length, 3);
  });

  it('four times at most', async (t) => {
    const { client, daemon } = await connected(t, [overloaded(1)]);
    await assert.rejects(client.encrypt(FIELDS, ACME), OverloadedError);
    assert.equal(daemon.calls.length, 4);
  });

  it('as often as the client was told, and once at least', async (t) => {
    const { daemon, client: four, address } = await connected(t, [overloaded(1)]);
    const once = new KeysideClient({ address, maxAttempts: 1, environment: {} });
    t.after(() => once.close());
    await assert.rejects(once.encrypt(FIELDS, ACME), OverloadedError);
    assert.equal(daemon.calls.length, 1);
    await assert.rejects(four.encrypt(FIELDS, ACME), OverloadedError);
    assert.equal(daemon.calls.length, 5);
    for (const maxAttempts of [0, -1, 1.5, Number.NaN]) assert.throws(() => new KeysideClient({ maxAttempts }), /maxAttempts/);
  });

  it('not where the wait would reach beyond the deadline, jitter included: the error comes at once', async (t) => {
    const { client, daemon } = await connected(t, [overloaded(1_000)]);
    jitter(t, 0.999);
    await assert.rejects(client.encrypt(FIELDS, ACME, { timeoutMs: 1_150 }), OverloadedError);
    assert.equal(daemon.calls.length, 1);
  });

  it('with what is left of the deadline', async (t) => {
    const { client, daemon } = await connected(t, [overloaded(50), 'never']);
    await assert.rejects(client.encrypt(FIELDS, ACME, { timeoutMs: 120 }), { reason: 'DEADLINE_EXCEEDED' });
    const [first, second] = daemon.calls.map(({ headers }) => Number.parseInt(String(headers['grpc-timeout']), 10));
    assert.ok((second as number) <= (first as number) - 50, `first ${first} ms, then ${second} ms`);
  });

  it('not once the signal has ended it while it waited', async (t) => {
    const { client, daemon } = await connected(t, [overloaded(5_000)]);
    const call = client.encrypt(FIELDS, ACME, { signal: AbortSignal.timeout(30) });
    await assert.rejects(call, { reason: 'CANCELLED' });
    assert.equal(daemon.calls.length, 1);
  });

  const once: readonly { readonly name: string; readonly answer: Answer; readonly want: object }[] = [
    {
      name: 'the daemon names no time',
      answer: { code: 14, message: 'KMS_UNAVAILABLE: gone', reason: 'KMS_UNAVAILABLE' },
      want: KmsUnavailableError,
    },
    {
      name: 'the connection breaks under it',
      answer: (stream) => stream.session?.destroy(),
      want: {
        name: 'UnavailableError',
        isRetryable: true,
        message: /^UNAVAILABLE: the connection to 127.* ended before the answer$/,
      },
    },
    { name: 'the daemon resets it', answer: (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), want: InternalError },
    {
      name: 'the daemon says that it did not look at it',
      answer: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
      want: { name: 'UnavailableError', message: 'UNAVAILABLE: Stream refused by server' },
    },
    {
      name: 'the connection breaks within the answer',
      answer: (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write(Buffer.of(0));
        setTimeout(() => stream.session?.destroy(), 20);
      },
      want: UnavailableError,
    },
  ];
  for (const { name, answer, want } of once) {
    it(`not where ${name}`, async (t) => {
      const { client, daemon } = await connected(t, [answer]);
      await assert.rejects(client.encrypt(FIELDS, ACME), want as Error);
      assert.equal(daemon.calls.length, 1);
    });
  }
});

describe('a call whose token was refused', () => {
  const UNAUTHENTICATED: Failure = { code: 16, message: 'CALLER_UNAUTHENTICATED: no', reason: 'CALLER_UNAUTHENTICATED' };

  /** A daemon that refuses the first token, while the file gets this one, and then answers so. */
  async function refused(t: TestContext, next: string, ...answers: Answer[]) {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-client-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first');
    const refuse: Answer = (stream) => {
      writeFileSync(tokenFile, next);
      fail(stream, UNAUTHENTICATED);
    };
    const { client, daemon } = await connected(t, [refuse, ...answers], { tokenFile });
    const call = client.encrypt(FIELDS, ACME);
    return { call, tokens: () => daemon.calls.map(({ headers }) => headers.authorization) };
  }

  it('is made again where the file holds another token by then', async (t) => {
    const { call, tokens } = await refused(t, 'the-second', ENCRYPTED);
    await call;
    assert.deepEqual(tokens(), ['Bearer first', 'Bearer the-second']);
  });

  it('is not where it holds the same', async (t) => {
    const { call, tokens } = await refused(t, 'first', ENCRYPTED);
    await assert.rejects(call, CallerUnauthenticatedError);
    assert.equal(tokens().length, 1);
  });

  it('is made again once', async (t) => {
    const { call, tokens } = await refused(t, 'the-second', UNAUTHENTICATED);
    await assert.rejects(call, CallerUnauthenticatedError);
    assert.equal(tokens().length, 2);
  });
});
