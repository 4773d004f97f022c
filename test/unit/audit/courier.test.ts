import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { Courier } from '../../../src/audit/courier.ts';
import type { SinkTarget } from '../../../src/audit/delivery.ts';
import type { EventKind } from '../../../src/audit/event.ts';
import { SinkError } from '../../../src/audit/sink.ts';
import { Spool } from '../../../src/audit/spool.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { FakeSink, silent, unreachable } from '../../fakes/sinks.ts';
import { type LoggedLine, recordNumber, SPOOL, spoolOptions } from '../../fakes/spools.ts';

const LINE = JSON.stringify({ text: 'z'.repeat(200) });

interface World {
  readonly files: ForgetfulFiles;
  readonly log: LoggedLine[];
  readonly spool: Spool;
  /** Appends records of these tenants in turn, and waits until they are durable. */
  append(count: number, more?: { tenants?: readonly string[]; kind?: EventKind; line?: string }): Promise<void>;
  start(...targets: SinkTarget[]): Promise<Courier>;
}

async function world(t: TestContext, files = new ForgetfulFiles({ random: () => 0 }), first = 1): Promise<World> {
  const log: LoggedLine[] = [];
  const spool = await Spool.open(spoolOptions(files, { log, start: `start-${first}`, maxBytes: 64 * 1024 * 1024 }));
  let sequence = first - 1;
  return {
    files,
    log,
    spool,
    async append(count, { tenants = ['acme'], kind = 'encrypt', line = LINE } = {}) {
      for (let at = 0; at < count; at += 1) {
        sequence += 1;
        spool.append({ ...recordNumber(sequence, tenants[at % tenants.length]), kind }, line);
        if (at % 10 === 9) await spool.settled();
      }
      await spool.settled();
    },
    async start(...targets) {
      const logger = spoolOptions(files, { log }).logger;
      const options = {
        files,
        directory: SPOOL,
        progress: spool.progress,
        logger,
        maxTenantLagBytes: 1024 * 1024,
        random: () => 0,
      };
      const courier = await Courier.start(options, targets);
      t.after(() => courier.stop());
      return courier;
    },
  };
}

function target(sink: FakeSink, more: Partial<SinkTarget> = {}): SinkTarget {
  return { id: 'siem', tenantId: undefined, kinds: undefined, sink, ...more };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 20_000; turns += 1) {
    if (isSo()) return;
    await (turns < 1_000 ? turn() : pause(1));
  }
  assert.fail('it never came to be');
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

test('records are delivered in order, those from before the start first', async (t) => {
  const { append, start } = await world(t);
  await append(40);
  const sink = new FakeSink();
  const courier = await start(target(sink));
  await append(40);
  await until(() => sink.taken.length === 80);
  assert.deepEqual(sink.sequences, range(1, 80));
  assert.equal(sink.taken[0]?.id, 'start-1-1');
  assert.equal(new TextDecoder().decode(sink.taken[79]?.line), LINE);
  assert.ok(sink.batches.every((count) => count <= 10));
  assert.deepEqual(await courier.drain(1_000), []);
});

test("a tenant's sink gets the tenant's records, a filtered one its kinds, a vendor-wide one all", async (t) => {
  const { append, start } = await world(t);
  const [all, acme, keys] = [new FakeSink(), new FakeSink(), new FakeSink()];
  const courier = await start(
    target(all, { id: 'all' }),
    target(acme, { id: 'acme/siem', tenantId: 'acme' }),
    target(keys, { id: 'keys', kinds: new Set(['key']) }),
  );
  await append(20, { tenants: ['acme', 'globex', ''] });
  await append(3, { tenants: ['globex'], kind: 'key' });
  assert.deepEqual(await courier.drain(5_000), []);
  assert.equal(all.taken.length, 23);
  assert.equal(all.taken[2]?.tenantId, undefined);
  assert.deepEqual(new Set(acme.taken.map(({ tenantId }) => tenantId)), new Set(['acme']));
  assert.equal(acme.taken.length, 7);
  assert.deepEqual(keys.sequences, [21, 22, 23]);
});

test('a dead sink holds back neither the others nor the spool, and gets everything when it is back', async (t) => {
  const { append, start, log, spool } = await world(t);
  const [dead, well] = [new FakeSink(), new FakeSink()];
  dead.behaviour = unreachable;
  const courier = await start(target(dead, { id: 'dead' }), target(well, { id: 'well' }));
  await append(200);
  await until(() => well.taken.length === 200);
  assert.equal(dead.taken.length, 0);
  assert.equal(spool.progress.needed, 0);
  const { sinks } = await courier.status();
  assert.equal(sinks[0]?.failure?.kind, 'unreachable');
  assert.ok((sinks[0]?.waitingBytes ?? 0) > 200 * LINE.length);
  assert.deepEqual(await courier.drain(20), [{ sinkId: 'dead', bytes: sinks[0]?.waitingBytes }]);
  dead.behaviour = undefined;
  assert.deepEqual(await courier.drain(5_000), []);
  assert.deepEqual(dead.sequences, range(1, 200));
  assert.equal(log.filter(({ message }) => message === 'a sink of the audit trail does not take records').length, 1);
  assert.equal(log.filter(({ message }) => message === 'a sink of the audit trail takes records again').length, 1);
});

test('a sink that refuses every second batch gets each record in order', async (t) => {
  const { append, start } = await world(t);
  const sink = new FakeSink();
  let attempts = 0;
  sink.behaviour = async (batch) => {
    attempts += 1;
    if (attempts % 2 === 0) throw new SinkError('overloaded', '503', { retryAfterMs: 10 });
    sink.take(batch);
    return [];
  };
  await start(target(sink));
  await append(30);
  await until(() => sink.taken.length === 30);
  assert.deepEqual(sink.sequences, range(1, 30));
  assert.ok(attempts >= 5, `${attempts} attempts`);
});

test('a sink far behind is served from the spool, with little in memory, and then live again', async (t) => {
  const { append, start } = await world(t);
  const sink = new FakeSink({ maxRecords: 1_000, maxBytes: 256 * 1024 });
  const release = Promise.withResolvers<void>();
  sink.behaviour = async (batch) => {
    await release.promise;
    sink.take(batch);
    return [];
  };
  const courier = await start(target(sink));
  const line = 'w'.repeat(100_000);
  for (let burst = 0; burst < 8; burst += 1) await append(10, { line });
  const waiting = (await courier.status()).sinks[0]?.waitingBytes ?? 0;
  assert.ok(waiting > 8_000_000, `${waiting} bytes wait`);
  release.resolve();
  await until(() => sink.taken.length === 80);
  await append(5);
  await until(() => sink.taken.length === 85);
  assert.deepEqual(sink.sequences, range(1, 85));
});

test('after a restart a sink goes on where it was, and gets again at most what it had taken last', async (t) => {
  const before = await world(t);
  const first = new FakeSink();
  const courier = await before.start(target(first));
  await before.append(30);
  assert.deepEqual(await courier.drain(5_000), []);
  await courier.stop();
  await before.append(5);
  await before.spool.close();

  const after = await world(t, before.files, 100);
  const second = new FakeSink();
  const next = await after.start(target(second));
  await after.append(5);
  assert.deepEqual(await next.drain(5_000), []);
  assert.deepEqual(second.sequences, [...range(31, 35), ...range(100, 104)]);
  assert.deepEqual(second.taken.map(({ id }) => id).slice(4, 6), ['start-1-35', 'start-100-100']);
});

test('what a crash tore off is passed over, and what follows is delivered', async (t) => {
  const before = await world(t);
  await before.append(3);
  await before.files.append(`${SPOOL}/000000000001.seg`, new Uint8Array([0, 0, 1, 0, 1, 2, 3]));
  const after = await world(t, before.files, 50);
  const sink = new FakeSink();
  const courier = await after.start(target(sink));
  await after.append(2);
  assert.deepEqual(await courier.drain(5_000), []);
  assert.deepEqual(sink.sequences, [1, 2, 3, 50, 51]);
  assert.ok(
    after.log.some(({ level, message }) => level === 'info' && message === 'part of the spool of the audit trail is no record'),
  );
});

test('a record that the sink will never take is kept beside the spool, with the reason', async (t) => {
  const { append, start, files, log } = await world(t);
  const sink = new FakeSink();
  sink.behaviour = async (batch) => {
    sink.take(batch.slice(1));
    return batch.slice(0, 1).map((record) => ({ record, reason: 'too old' }));
  };
  const courier = await start(target(sink, { id: 'acme/siem' }));
  await append(1);
  assert.deepEqual(await courier.drain(5_000), []);
  const kept = new TextDecoder().decode(await files.read(`${SPOOL}/undelivered/acme%2Fsiem.ndjson`, 0, 10_000));
  assert.deepEqual(JSON.parse(kept), { reason: 'too old', record: JSON.parse(LINE) });
  const { sinks } = await courier.status();
  assert.deepEqual([sinks[0]?.deliveredRecords, sinks[0]?.rejectedRecords], [0, 1]);
  assert.ok(log.some(({ level }) => level === 'error'));
});

test('one record that a sink refuses is found among the others, and kept beside the spool; the others arrive in order', async (t) => {
  const { append, start, files } = await world(t);
  const sink = new FakeSink();
  sink.behaviour = async (batch) => {
    if (batch.some(({ sequence }) => sequence === 7)) throw new SinkError('refused', '413');
    sink.take(batch);
    return [];
  };
  const courier = await start(target(sink));
  await append(20);
  assert.deepEqual(await courier.drain(5_000), []);
  assert.deepEqual(sink.sequences, [...range(1, 6), ...range(8, 20)]);
  const kept = new TextDecoder().decode(await files.read(`${SPOOL}/undelivered/siem.ndjson`, 0, 10_000));
  assert.equal(JSON.parse(kept).reason, '413');
});

test('a sink that refuses everything loses nothing by it', async (t) => {
  const { append, start, files } = await world(t);
  const sink = new FakeSink();
  sink.behaviour = async () => {
    throw new SinkError('refused', '400');
  };
  const courier = await start(target(sink));
  await append(20);
  assert.equal((await courier.drain(700)).length, 1);
  sink.behaviour = undefined;
  assert.deepEqual(await courier.drain(5_000), []);
  assert.deepEqual(sink.sequences, range(1, 20));
  await assert.rejects(files.read(`${SPOOL}/undelivered/siem.ndjson`, 0, 1), { code: 'ENOENT' });
});

test('no segment is said to be free before it is known where the sinks are', async (t) => {
  const { append, start, spool } = await world(t);
  await append(100);
  spool.progress.needed = 0;
  const needed = new Set<number>();
  const watch = setInterval(() => needed.add(spool.progress.needed), 0);
  const sink = new FakeSink();
  sink.behaviour = silent;
  await start(...Array.from({ length: 20 }, (_, at) => target(sink, { id: `sink-${at}` })));
  clearInterval(watch);
  needed.add(spool.progress.needed);
  assert.deepEqual([...needed], [0]);
});

test('a cursor that cannot be read, and an id too long for a file, hold back nobody', async (t) => {
  const before = await world(t);
  await before.append(5);
  await before.files.append(`${SPOOL}/cursors/siem.json`, new TextEncoder().encode('{"segment":'));
  const [one, other] = [new FakeSink(), new FakeSink()];
  const courier = await before.start(target(one), target(other, { id: `${':'.repeat(90)}/siem` }));
  assert.deepEqual(await courier.drain(5_000), []);
  assert.deepEqual([one.sequences, other.sequences], [range(1, 5), range(1, 5)]);
});

test("a tenant's sink that takes nothing holds back the spool as far as its share, a vendor-wide one always", async (t) => {
  const { append, start, spool, log } = await world(t);
  const [theirs, own] = [new FakeSink(), new FakeSink()];
  theirs.behaviour = silent;
  const courier = await start(target(theirs, { id: 'acme/siem', tenantId: 'acme' }), target(own, { id: 'own' }));
  await append(10);
  await courier.setTargets([target(theirs, { id: 'acme/siem', tenantId: 'acme' }), target(own, { id: 'own' })]);
  assert.equal(spool.progress.needed, 0);
  await append(20, { line: 'v'.repeat(100_000) });
  await until(() => own.taken.length === 30);
  await courier.setTargets([target(theirs, { id: 'acme/siem', tenantId: 'acme' }), target(own, { id: 'own' })]);
  assert.ok(spool.progress.needed > 1, `needed ${spool.progress.needed}`);
  assert.ok(log.some(({ level, message }) => level === 'error' && message.includes('so far behind')));
});

test('segments are needed until every sink has been given them', async (t) => {
  const { append, start, spool } = await world(t);
  const [slow, quick] = [new FakeSink(), new FakeSink()];
  slow.behaviour = silent;
  await append(100);
  const courier = await start(target(slow, { id: 'slow' }), target(quick, { id: 'quick' }));
  await until(() => quick.taken.length === 100);
  assert.equal(spool.progress.needed, 0);
  await courier.setTargets([target(new FakeSink(), { id: 'quick' })]);
  assert.ok(slow.isClosed);
  assert.ok(spool.progress.needed > 1, `needed ${spool.progress.needed}`);
});

test('stopping aborts a delivery under way', async (t) => {
  const { append, start } = await world(t);
  const sink = new FakeSink();
  sink.behaviour = silent;
  const courier = await start(target(sink));
  await append(1);
  await until(() => sink.attempts === 1);
  await courier.stop();
  assert.ok(sink.isClosed);
});
