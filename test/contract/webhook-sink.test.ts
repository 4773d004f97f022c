import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SinkError, type SinkFailure } from '../../src/audit/sink.ts';
import { WebhookSink } from '../../src/audit/sinks/webhook/sink.ts';
import { type Answer, type ArrivedRequest, ScriptedHttp } from '../fakes/scripted-http.ts';
import { sampleRecords, sinkContract } from './sink-contract.ts';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const STATUS: Partial<Record<SinkFailure, number>> = {
  unauthorized: 401,
  forbidden: 403,
  overloaded: 503,
  misconfigured: 404,
  refused: 422,
};

interface Receiver {
  readonly http: ScriptedHttp;
  readonly secretFile: string;
  sink(): WebhookSink;
  close(): Promise<void>;
}

/** A receiver as Standard Webhooks asks for: it takes a delivery only where the signature is right and of now. */
async function receiver(answer: (request: ArrivedRequest) => Answer = accept): Promise<Receiver> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-webhook-'));
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, `${SECRET}\n`);
  const http = new ScriptedHttp(answer);
  await http.start();
  return {
    http,
    secretFile,
    sink: () => new WebhookSink({ url: `${http.url}/audit`, secretFile }),
    close: async () => {
      await http.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function accept(request: ArrivedRequest): Answer {
  return { status: isSigned(request, SECRET) ? 204 : 401 };
}

function isSigned({ headers, body }: ArrivedRequest, secret: string): boolean {
  const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
  const isOfNow = Math.abs(Date.now() / 1_000 - Number(timestamp)) < 60;
  const mac = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const expected = `v1,${mac.update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  return isOfNow && String(headers['webhook-signature']).split(' ').includes(expected);
}

sinkContract('webhook', {
  notApplicable: {},
  async open() {
    const main = await receiver();
    const others: Receiver[] = [];
    const other = async (answer: Answer): Promise<Receiver> => {
      const made = await receiver(() => answer);
      others.push(made);
      return made;
    };
    return {
      sink: main.sink(),
      received: async () =>
        main.http.arrived
          .flatMap(({ body }) => body.toString().split('\n').slice(0, -1))
          .map((line) => ({ id: JSON.parse(line).metadata.uid, line })),
      unreachable: async () => {
        const gone = await other({ status: 204 });
        await gone.http.stop();
        return gone.sink();
      },
      hanging: async () => {
        const silent = await other('never');
        return { sink: silent.sink(), reached: () => silent.http.reached() };
      },
      answering: async (failure) => (await other({ status: STATUS[failure] ?? 500 })).sink(),
      outage: { down: () => main.http.stop(), up: () => main.http.start() },
      secrets: [SECRET],
      close: async () => {
        for (const one of [main, ...others]) await one.close();
      },
    };
  },
});

async function opened(t: TestContext, answer?: (request: ArrivedRequest) => Answer): Promise<Receiver> {
  const made = await receiver(answer);
  t.after(() => made.close());
  return made;
}

async function failureOf(sink: WebhookSink): Promise<SinkError> {
  try {
    await sink.deliver(sampleRecords(1), AbortSignal.timeout(10_000));
  } catch (error) {
    assert.ok(error instanceof SinkError);
    return error;
  } finally {
    await sink.close();
  }
  return assert.fail('it was delivered');
}

test('while the secret is being replaced, both sign', async (t) => {
  const { http, secretFile, sink } = await opened(t);
  const newer = `whsec_${randomBytes(32).toString('base64')}`;
  writeFileSync(secretFile, `${newer}\n${SECRET}\n`);
  const webhook = sink();
  await webhook.deliver(sampleRecords(2), AbortSignal.timeout(10_000));
  await webhook.close();
  const [request] = http.arrived;
  assert.ok(request !== undefined && isSigned(request, newer) && isSigned(request, SECRET));
  assert.equal(request.headers['content-type'], 'application/x-ndjson');
});

test('what is no secret is said, and not shown', async (t) => {
  const { secretFile, sink } = await opened(t);
  for (const text of ['', 'whsec_dG9vIHNob3J0', `whsec-${SECRET.slice(6)}`]) {
    writeFileSync(secretFile, text);
    const error = await failureOf(sink());
    assert.equal(error.failure, 'misconfigured');
    assert.ok(error.message.includes(secretFile) && (text === '' || !error.message.includes(text)), error.message);
  }
  rmSync(secretFile);
  assert.match((await failureOf(sink())).message, /cannot be read: ENOENT/);
});

test('Retry-After is handed on, and a redirect is not followed', async (t) => {
  const busy = await opened(t, () => ({ status: 503, headers: { 'retry-after': '7' } }));
  assert.equal((await failureOf(busy.sink())).retryAfterMs, 7_000);
  const moved = await opened(t, () => ({ status: 307, headers: { location: 'http://127.0.0.1:9/' } }));
  const error = await failureOf(moved.sink());
  assert.deepEqual([error.failure, moved.http.arrived.length], ['misconfigured', 1]);
});
