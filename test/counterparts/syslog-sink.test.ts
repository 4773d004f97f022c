import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type SyslogSinkSettings, syslogSinkSchema } from '../../src/audit/sinks/syslog/config.ts';
import { SyslogSink } from '../../src/audit/sinks/syslog/sink.ts';
import { type Received, sampleRecords, sinkContract } from '../contract/sink-contract.ts';
import { freePort } from './harness.ts';
import { Rsyslog, whyNoRsyslog } from './rsyslog.ts';

const ARRIVAL_MS = 10_000;
const missing = await whyNoRsyslog();

function settings(rsyslog: Rsyslog, more: Partial<SyslogSinkSettings> = {}): SyslogSinkSettings {
  const { file } = rsyslog.certificates;
  return syslogSinkSchema.parse({
    host: '127.0.0.1',
    port: rsyslog.port,
    caFile: file('ca', 'crt'),
    certificateFile: file('client', 'crt'),
    privateKeyFile: file('client', 'key'),
    ...more,
  });
}

async function messages(rsyslog: Rsyslog, count: number): Promise<Received[]> {
  const endsAt = Date.now() + ARRIVAL_MS;
  while (rsyslog.lines().length < count && Date.now() < endsAt) await pause(25);
  return rsyslog.lines().map((whole) => {
    const line = whole.slice(whole.indexOf('|') + 1);
    return { id: JSON.parse(line).metadata.uid, line };
  });
}

if (missing !== undefined) {
  test('syslog keeps the contract of a sink', { skip: missing });
} else {
  sinkContract('syslog before rsyslog', {
    notApplicable: {
      unauthorized: 'rsyslog resets the connection of a client that it does not want: shown by a test of its own',
      forbidden: 'the same',
      overloaded: 'a receiver reads more slowly then, and says nothing',
      refused: 'a receiver does not answer to a message',
    },
    async open() {
      const rsyslog = new Rsyslog();
      await rsyslog.start();
      const { file } = rsyslog.certificates;
      const silent = createServer();
      return {
        sink: new SyslogSink(settings(rsyslog)),
        received: (count) => messages(rsyslog, count),
        unreachable: async () => new SyslogSink(settings(rsyslog, { port: await freePort() })),
        hanging: async () => {
          silent.listen(0, '127.0.0.1');
          await once(silent, 'listening');
          const reached = once(silent, 'connection');
          const sink = new SyslogSink(settings(rsyslog, { port: (silent.address() as AddressInfo).port }));
          return { sink, reached: async () => void (await reached) };
        },
        answering: async (failure) =>
          failure === 'misconfigured' ? new SyslogSink(settings(rsyslog, { caFile: file('stranger', 'crt') })) : undefined,
        outage: { down: () => rsyslog.stop(), up: () => rsyslog.start() },
        secrets: [],
        close: async () => {
          silent.close();
          await rsyslog.close();
        },
      };
    },
  });

  test('a client that the receiver does not want delivers nothing, and is told where to look', async (t) => {
    const rsyslog = new Rsyslog();
    t.after(() => rsyslog.close());
    await rsyslog.start();
    const { file } = rsyslog.certificates;
    const stranger = { certificateFile: file('stranger', 'crt'), privateKeyFile: file('stranger', 'key') };
    const sink = new SyslogSink(settings(rsyslog, stranger));
    const failed = { name: 'SinkError', message: /closed by the receiver before its end: does it accept our certificate/ };
    await assert.rejects(sink.deliver(sampleRecords(2), AbortSignal.timeout(20_000)), failed);
    assert.deepEqual(rsyslog.lines(), []);
  });

  test('a message says who, what and where in its chain, in the words of RFC 5424', async (t) => {
    const rsyslog = new Rsyslog();
    t.after(() => rsyslog.close());
    await rsyslog.start();
    const sink = new SyslogSink(settings(rsyslog, { facility: 10, appName: 'keyside-eu' }));
    await sink.deliver(sampleRecords(2), AbortSignal.timeout(20_000));
    await messages(rsyslog, 2);
    assert.deepEqual(
      rsyslog.lines().map((line) => line.slice(0, line.indexOf('|'))),
      ['10 6 keyside-eu encrypt [meta sequenceId="1"]', '10 6 keyside-eu decrypt [meta sequenceId="2"]'],
    );
  });
}
