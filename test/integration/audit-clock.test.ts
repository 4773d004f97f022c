import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CourierThread } from '../../src/audit/courier-thread.ts';
import { DurableTrail } from '../../src/audit/durable-trail.ts';
import { nodeFileLayer } from '../../src/audit/file-layer.ts';
import type { SinkRecord } from '../../src/audit/sink.ts';
import { CloudwatchLogsSink } from '../../src/audit/sinks/cloudwatch-logs/sink.ts';
import { verifyFiles } from '../../src/audit/verify.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { type KeptRecord, readLines, readSegments, segmentFiles } from '../crash/kept-records.ts';
import { dataEvent } from '../fakes/audit-events.ts';
import { temporaryDirectory } from './daemon-process.ts';

const HOUR_MS = 3_600_000;
const TENANTS = ['acme', 'globex'].map((id) => parseTenantId(id));
const RECORDS = 400;
const logger = { log: () => undefined };

/** A trail that records while its clock goes forward, an hour back, forward, and two days back; and a sink that is given everything. */
async function steppedTrail(t: TestContext): Promise<{ spool: string; delivered: string }> {
  const folder = temporaryDirectory(t);
  const spool = join(folder, 'audit');
  const delivered = join(folder, 'delivered.ndjson');
  let nowMs = Date.now();
  const trail = await DurableTrail.open({
    mode: 'required',
    directory: spool,
    asyncWindowMs: 50,
    segmentBytes: 64 * 1024,
    maxBytes: 64 * 1024 * 1024,
    maxAgeMs: HOUR_MS,
    checkpointIntervalMs: HOUR_MS,
    signingKeyFile: undefined,
    version: '0.1.0',
    files: nodeFileLayer,
    logger,
    now: () => nowMs,
  });
  const choice = { kind: 'file', settings: { path: delivered } } as const;
  const courier = await CourierThread.start(
    {
      directory: spool,
      sidecar: trail.source.sidecar,
      progress: trail.progress,
      logger,
      maxTenantLagBytes: 1024 * 1024,
      onStatus: () => undefined,
    },
    [{ id: 'file', tenantId: undefined, events: undefined, choice }],
  );
  for (let record = 1; record <= RECORDS; record += 1) {
    trail.record(dataEvent({ tenantId: TENANTS[record % 2] as (typeof TENANTS)[number] }));
    nowMs += 3;
    if (record % 100 === 0) {
      await trail.seal();
      nowMs -= record === 200 ? 48 * HOUR_MS : HOUR_MS;
    }
  }
  await trail.seal();
  assert.deepEqual(await courier.drain(20_000), []);
  await courier.stop();
  await trail.close();
  return { spool, delivered };
}

const isAscending = (values: readonly number[]): boolean =>
  values.every((value, at) => at === 0 || value >= (values[at - 1] as number));

function timesOf(records: readonly KeptRecord[]): number[] {
  return records.map(({ line }) => JSON.parse(line).metadata.logged_time);
}

test('a clock that is stepped back disturbs neither the order of records nor their chains, in the spool and at a sink', async (t) => {
  const { spool, delivered } = await steppedTrail(t);
  const records = readSegments(spool).flatMap((segment) => segment.records);
  assert.equal(isAscending(timesOf(records)), false, 'the clock went back');
  assert.deepEqual(
    records.map(({ sequence }) => sequence),
    records.map((_, at) => at + 1),
  );
  assert.deepEqual(
    readLines(readFileSync(delivered, 'utf8')).map(({ uid }) => uid),
    records.map(({ uid }) => uid),
  );
  for (const files of [segmentFiles(spool), [delivered]]) {
    const report = await verifyFiles(files);
    assert.deepEqual([report.verdict, report.fault, report.unproven], ['consistent', undefined, 0]);
    assert.equal(report.records, RECORDS);
  }
});

test('events of a log stream never go back in time within a request, whatever the clock did, and stay in the order of the trail', async (t) => {
  const { spool } = await steppedTrail(t);
  const records = readSegments(spool).flatMap((segment) => segment.records);
  const requests: { timestamp: number; message: string }[][] = [];
  const sink = new CloudwatchLogsSink({
    put: async (events) => {
      requests.push(events);
      return [];
    },
    close: () => undefined,
  });
  const batch = records.map((record): SinkRecord => {
    const { uid: id, sequence, line } = record;
    const [timeMs] = timesOf([record]) as [number];
    return { id, sequence, timeMs, tenantId: undefined, kind: 'encrypt', line: Buffer.from(line) };
  });
  assert.deepEqual(await sink.deliver(batch, AbortSignal.timeout(10_000)), []);
  assert.deepEqual(
    requests.flat().map(({ message }) => message),
    records.map(({ line }) => line),
  );
  for (const events of requests) assert.ok(isAscending(events.map(({ timestamp }) => timestamp)));
});
