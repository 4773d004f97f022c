import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { SinkFailure } from '../../src/audit/sink.ts';
import { otlpSinkSchema } from '../../src/audit/sinks/otlp/config.ts';
import { OtlpSink } from '../../src/audit/sinks/otlp/sink.ts';
import { type Received, sampleRecords, sinkContract } from '../contract/sink-contract.ts';
import { type Answer, ScriptedHttp } from '../fakes/scripted-http.ts';
import { whyNoLogCollector } from './otel-collector.ts';
import { LogCollector } from './otel-log-collector.ts';

const ARRIVAL_MS = 15_000;
const TOKEN = 'otlp-token-of-the-test';
const STATUS: Partial<Record<SinkFailure, number>> = {
  unauthorized: 401,
  forbidden: 403,
  overloaded: 429,
  misconfigured: 404,
  refused: 400,
};
const missing = await whyNoLogCollector();

function openSink(url: string, tokenFile?: string): OtlpSink {
  return OtlpSink.open(otlpSinkSchema.parse({ url, tokenFile }), 'sidecar1');
}

async function bodies(collector: LogCollector, count: number): Promise<Received[]> {
  const endsAt = Date.now() + ARRIVAL_MS;
  while (collector.logs().length < count && Date.now() < endsAt) await pause(50);
  return collector.logs().map(({ body, attributes }) => ({ id: String(attributes['log.record.uid']), line: String(body) }));
}

if (missing !== undefined) {
  test('otlp keeps the contract of a sink', { skip: missing });
} else {
  sinkContract('otlp before an OpenTelemetry Collector', {
    notApplicable: {},
    async open() {
      const collector = new LogCollector();
      await collector.start();
      const folder = mkdtempSync(join(tmpdir(), 'keyside-otlp-sink-'));
      const tokenFile = join(folder, 'token');
      writeFileSync(tokenFile, TOKEN);
      const servers: ScriptedHttp[] = [];
      const serving = async (answer: Answer): Promise<ScriptedHttp> => {
        const http = new ScriptedHttp(() => answer);
        await http.start();
        servers.push(http);
        return http;
      };
      return {
        sink: openSink(collector.otlpUrl, tokenFile),
        received: (count) => bodies(collector, count),
        unreachable: async () => {
          const http = await serving('never');
          await http.stop();
          return openSink(http.url);
        },
        hanging: async () => {
          const http = await serving('never');
          return { sink: openSink(http.url), reached: () => http.reached() };
        },
        answering: async (failure) => openSink((await serving({ status: STATUS[failure] ?? 500, body: TOKEN })).url, tokenFile),
        outage: { down: () => collector.stop(), up: () => collector.start() },
        secrets: [TOKEN],
        close: async () => {
          for (const http of servers) await http.stop();
          await collector.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  });

  test('a log says whose it is and where it comes from', async (t) => {
    const collector = new LogCollector();
    t.after(() => collector.close());
    await collector.start();
    const sink = openSink(collector.otlpUrl);
    t.after(() => sink.close());
    await sink.deliver(sampleRecords(2), AbortSignal.timeout(20_000));
    await bodies(collector, 2);
    const [own, acme] = collector.logs();
    assert.equal(own?.attributes['keyside.tenant.id'], undefined);
    assert.equal(acme?.attributes['keyside.tenant.id'], 'acme');
    assert.deepEqual([acme?.resource['service.name'], acme?.resource['service.instance.id']], ['keyside', 'sidecar1']);
  });
}
