import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { CourierStatus } from '../../../src/audit/courier-status.ts';
import { CourierThread } from '../../../src/audit/courier-thread.ts';
import { nodeFileLayer } from '../../../src/audit/file-layer.ts';
import type { SinkConfig } from '../../../src/audit/sink-registry.ts';
import { Spool } from '../../../src/audit/spool.ts';
import { type LoggedLine, recordNumber, spoolOptions } from '../../fakes/spools.ts';

interface World {
  readonly folder: string;
  readonly log: LoggedLine[];
  readonly statuses: CourierStatus[];
  append(count: number): Promise<void>;
  start(sinks: readonly SinkConfig[]): Promise<CourierThread>;
  lines(file: string): string[];
}

async function world(t: TestContext): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-courier-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log: LoggedLine[] = [];
  const statuses: CourierStatus[] = [];
  const directory = join(folder, 'audit');
  const spool = await Spool.open(spoolOptions(nodeFileLayer, { directory, log }));
  t.after(() => spool.close());
  let sequence = 0;
  return {
    folder,
    log,
    statuses,
    async append(count) {
      for (let at = 0; at < count; at += 1) {
        sequence += 1;
        spool.append(recordNumber(sequence), JSON.stringify({ sequence }));
      }
      await spool.settled();
    },
    async start(sinks) {
      const { logger } = spoolOptions(nodeFileLayer, { log });
      const options = {
        directory,
        sidecar: 's',
        maxTenantLagBytes: 1024 * 1024,
        progress: spool.progress,
        logger,
        onStatus: (one: CourierStatus) => void statuses.push(one),
      };
      const thread = await CourierThread.start(options, sinks);
      t.after(() => thread.stop());
      return thread;
    },
    lines: (file) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1),
  };
}

async function untilFailure(statuses: readonly CourierStatus[], kind: string): Promise<void> {
  const endsAt = Date.now() + 10_000;
  const isSo = (): boolean => statuses.at(-1)?.sinks.find(({ id }) => id === 'broken')?.failure?.kind === kind;
  while (!isSo() && Date.now() < endsAt) await pause(20);
  assert.ok(isSo(), `the sink never was ${kind}`);
}

function fileSink(folder: string, file: string): SinkConfig {
  return { id: file, tenantId: undefined, events: undefined, choice: { kind: 'file', settings: { path: join(folder, file) } } };
}

function expected(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => JSON.stringify({ sequence: from + at }));
}

test('a thread delivers what is appended, before and after its sinks change', async (t) => {
  const { append, start, lines, folder } = await world(t);
  await append(20);
  const thread = await start([fileSink(folder, 'one')]);
  await append(20);
  assert.deepEqual(await thread.drain(10_000), []);
  assert.deepEqual(lines('one'), expected(1, 40));
  await thread.setSinks([fileSink(folder, 'one'), fileSink(folder, 'two')]);
  await append(5);
  assert.deepEqual(await thread.drain(10_000), []);
  assert.deepEqual(lines('one'), expected(1, 45));
  assert.deepEqual(lines('two'), expected(1, 45));
});

test('a sink that cannot be opened holds back no other, and is opened when it can be', async (t) => {
  const { append, start, lines, folder, log, statuses } = await world(t);
  const broken: SinkConfig = {
    id: 'broken',
    tenantId: undefined,
    events: undefined,
    choice: {
      kind: 'webhook',
      settings: { url: 'https://localhost:1/', secretFile: join(folder, 'secret'), caFile: join(folder, 'ca.pem') },
    },
  };
  const thread = await start([broken, fileSink(folder, 'well')]);
  await append(10);
  const left = await thread.drain(500);
  assert.deepEqual(
    left.map(({ sinkId }) => sinkId),
    ['broken'],
  );
  assert.deepEqual(lines('well'), expected(1, 10));
  assert.ok(log.some(({ message }) => message === 'a sink of the audit trail does not take records'));
  await untilFailure(statuses, 'misconfigured');
  writeFileSync(join(folder, 'ca.pem'), '');
  writeFileSync(join(folder, 'secret'), `whsec_${Buffer.alloc(32).toString('base64')}`);
  assert.equal((await thread.drain(1_500)).length, 1);
  await untilFailure(statuses, 'unreachable');
});

test('a thread that cannot begin is started again until it can, and delivers then', async (t) => {
  const { append, start, lines, folder, log } = await world(t);
  await append(10);
  // Where the cursors should be, something else is.
  writeFileSync(join(folder, 'audit', 'cursors'), '');
  await start([fileSink(folder, 'one')]);
  const [first] = log.filter(({ level }) => level === 'error');
  assert.equal(first?.message, 'the courier of the audit trail cannot be started');
  rmSync(join(folder, 'audit', 'cursors'));
  const endsAt = Date.now() + 10_000;
  while (!(existsSync(join(folder, 'one')) && lines('one').length === 10) && Date.now() < endsAt) await pause(20);
  assert.deepEqual(lines('one'), expected(1, 10));
});
