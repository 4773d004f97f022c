import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { canonicalize, type Json } from '../../src/audit/canonical-json.ts';
import type { SinkFailure } from '../../src/audit/sink.ts';
import { splunkHecSinkSchema } from '../../src/audit/sinks/splunk-hec/config.ts';
import { SplunkHecSink } from '../../src/audit/sinks/splunk-hec/sink.ts';
import { type Received, sampleRecords, sinkContract } from '../contract/sink-contract.ts';
import { type Answer, type ArrivedRequest, ScriptedHttp } from '../fakes/scripted-http.ts';
import { whyNoLogCollector } from './otel-collector.ts';
import { LogCollector } from './otel-log-collector.ts';

const ARRIVAL_MS = 15_000;
const TOKEN = '3f9a0c52-0000-4000-8000-5e1de0000001';
const ACK_TIMES = { timeoutMs: 5_000, intervalMs: 50 };
const missing = await whyNoLogCollector();

/** What Splunk answers, status and code. */
const ANSWERS: Partial<Record<SinkFailure, Answer>> = {
  unauthorized: { status: 401, body: '{"text":"Invalid authorization","code":3}' },
  forbidden: { status: 403, body: '{"text":"Invalid token","code":4}' },
  overloaded: { status: 503, body: '{"text":"Server is busy","code":9}' },
  misconfigured: { status: 400, body: '{"text":"Incorrect index","code":7,"invalid-event-number":1}' },
  refused: { status: 400, body: '{"text":"Invalid data format","code":6,"invalid-event-number":1}' },
};

interface Folder {
  readonly tokenFile: string;
  remove(): void;
}

function tokenFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-hec-sink-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  return { tokenFile, remove: () => rmSync(folder, { recursive: true }) };
}

function openSink(url: string, tokenFile: string): SplunkHecSink {
  return new SplunkHecSink(splunkHecSinkSchema.parse({ url, tokenFile, index: 'audit' }), ACK_TIMES);
}

async function events(collector: LogCollector, count: number): Promise<Received[]> {
  const endsAt = Date.now() + ARRIVAL_MS;
  while (collector.logs().length < count && Date.now() < endsAt) await pause(50);
  return collector.logs().map(({ body }) => {
    const record = body as { readonly metadata: { readonly uid: string } };
    return { id: record.metadata.uid, line: canonicalize(body as Json) };
  });
}

if (missing !== undefined) {
  test('splunk-hec keeps the contract of a sink', { skip: missing });
} else {
  sinkContract("splunk-hec before an OpenTelemetry Collector's splunkhec receiver, acknowledging", {
    notApplicable: {},
    async open() {
      const collector = new LogCollector();
      await collector.start();
      const { tokenFile, remove } = tokenFolder();
      const servers: ScriptedHttp[] = [];
      const serving = async (answer: Answer): Promise<ScriptedHttp> => {
        const http = new ScriptedHttp(() => answer);
        await http.start();
        servers.push(http);
        return http;
      };
      return {
        sink: openSink(collector.hecUrl, tokenFile),
        received: (count) => events(collector, count),
        unreachable: async () => {
          const http = await serving('never');
          await http.stop();
          return openSink(http.url, tokenFile);
        },
        hanging: async () => {
          const http = await serving('never');
          return { sink: openSink(http.url, tokenFile), reached: () => http.reached() };
        },
        answering: async (failure) => {
          const answer = ANSWERS[failure];
          return answer && openSink((await serving(answer)).url, tokenFile);
        },
        outage: { down: () => collector.stop(), up: () => collector.start() },
        secrets: [TOKEN],
        close: async () => {
          for (const http of servers) await http.stop();
          await collector.close();
          remove();
        },
      };
    },
  });
}

async function scripted(
  t: TestContext,
  answer: (request: ArrivedRequest, at: number) => Answer,
): Promise<{ http: ScriptedHttp; sink: SplunkHecSink }> {
  const { tokenFile, remove } = tokenFolder();
  let at = 0;
  const http = new ScriptedHttp((request) => answer(request, at++));
  await http.start();
  const sink = openSink(http.url, tokenFile);
  t.after(async () => {
    await sink.close();
    await http.stop();
    remove();
  });
  return { http, sink };
}

test('events are delivered once the indexers have acknowledged them, in one channel', async (t) => {
  const { http, sink } = await scripted(t, ({ path }, at) => {
    if (path.startsWith('/services/collector/event')) return { status: 200, body: '{"text":"Success","code":0,"ackId":7}' };
    return { status: 200, body: JSON.stringify({ acks: { 7: at >= 3 } }) };
  });
  const records = sampleRecords(2);
  await sink.deliver(records, AbortSignal.timeout(20_000));
  const [event, ...asked] = http.arrived;
  assert.equal(event?.headers.authorization, `Splunk ${TOKEN}`);
  assert.equal(new Set(http.arrived.map(({ headers }) => headers['x-splunk-request-channel'])).size, 1);
  assert.deepEqual(
    asked.map(({ body }) => body.toString()),
    Array.from({ length: 3 }, () => '{"acks":[7]}'),
  );
  const sent = event?.body
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    sent?.map(({ event: _event, ...envelope }) => envelope),
    records.map(({ timeMs }) => ({ index: 'audit', source: 'keyside', sourcetype: 'keyside:audit', time: timeMs / 1_000 })),
  );
});

test('events that are never acknowledged are not delivered', async (t) => {
  const { sink } = await scripted(t, ({ path }) =>
    path.startsWith('/services/collector/event')
      ? { status: 200, body: '{"text":"Success","code":0,"ackId":1}' }
      : { status: 200, body: '{"acks":{"1":false}}' },
  );
  await assert.rejects(sink.deliver(sampleRecords(1), AbortSignal.timeout(20_000)), { name: 'SinkError', failure: 'overloaded' });
});

test('a token that is replaced is used with the next delivery', async (t) => {
  const folder = tokenFolder();
  const http = new ScriptedHttp(() => ({ status: 200, body: '{"text":"Success","code":0}' }));
  await http.start();
  const sink = openSink(http.url, folder.tokenFile);
  t.after(async () => {
    await sink.close();
    await http.stop();
    folder.remove();
  });
  await sink.deliver(sampleRecords(1), AbortSignal.timeout(20_000));
  writeFileSync(folder.tokenFile, 'another');
  await sink.deliver(sampleRecords(1), AbortSignal.timeout(20_000));
  assert.deepEqual(
    http.arrived.map(({ headers }) => headers.authorization),
    [`Splunk ${TOKEN}`, 'Splunk another'],
  );
});
