import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Courier } from '../../../src/audit/courier.ts';
import type { SinkTarget } from '../../../src/audit/delivery.ts';
import { DurableTrail } from '../../../src/audit/durable-trail.ts';
import { nodeFileLayer } from '../../../src/audit/file-layer.ts';
import { parseTenantId } from '../../../src/core/ids.ts';
import { dataEvent } from '../../fakes/audit-events.ts';
import { FakeSink, unreachable } from '../../fakes/sinks.ts';
import { run } from './fake-terminal.ts';

const LOGGER = { log: () => undefined };
const LONG_ID = `${'initech-'.repeat(8)}/archive`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'keyside-status-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function openTrail(directory: string, now: () => number = Date.now): Promise<DurableTrail> {
  return DurableTrail.open({
    mode: 'required',
    directory,
    asyncWindowMs: 50,
    segmentBytes: 16_384,
    maxBytes: 1024 * 1024,
    maxAgeMs: 60_000,
    checkpointIntervalMs: 60_000,
    signingKeyFile: undefined,
    version: '1.2.3',
    files: nodeFileLayer,
    logger: LOGGER,
    now,
  });
}

async function encrypt(trail: DurableTrail, ...tenants: readonly string[]): Promise<void> {
  for (const tenant of tenants) trail.record(dataEvent({ tenantId: parseTenantId(tenant) }));
  await trail.settled();
}

function target(id: string, sink: FakeSink, tenantId?: string): SinkTarget {
  return { id, tenantId, kinds: undefined, sink };
}

/** A running daemon's trail with sinks: one takes everything, one nothing. */
async function running(t: TestContext, { now = Date.now, ids = ['siem', 'acme/archive'] } = {}): Promise<string> {
  const directory = folder(t);
  const trail = await openTrail(join(directory, '1'), now);
  await encrypt(trail, 'acme', 'globex');
  const [taking, broken] = [new FakeSink(), new FakeSink()];
  broken.behaviour = unreachable;
  const [one = '', other = ''] = ids;
  const courier = await Courier.start(
    {
      files: nodeFileLayer,
      directory: join(directory, '1'),
      progress: trail.progress,
      logger: LOGGER,
      maxTenantLagBytes: 1024 * 1024,
      random: () => 0,
    },
    [target(one, taking), target(other, broken, 'acme')],
  );
  t.after(async () => {
    await courier.stop();
    await trail.close();
  });
  for (const endsAt = Date.now() + 10_000; Date.now() < endsAt; await pause(20)) {
    const { sinks } = await courier.status();
    if (sinks[0]?.isDelivered && sinks[1]?.failure !== undefined) break;
  }
  await courier.setTargets([target(one, taking), target(other, broken, 'acme')]); // saves the status, and begins again
  for (const endsAt = Date.now() + 10_000; Date.now() < endsAt; await pause(20)) {
    const { stdout } = await run(['audit', 'status', '--directory', directory, '--json']);
    const { sinks } = JSON.parse(stdout).spools[0];
    if (sinks[1]?.failure !== undefined) return directory;
  }
  assert.fail('the status never told of the failure');
}

describe('keyside audit status', () => {
  it('shows a stopped daemon: what it left, signed by whom, and that nobody writes', async (t) => {
    const directory = folder(t);
    for (const tenants of [['acme'], ['acme', 'globex']]) {
      const trail = await openTrail(directory);
      await encrypt(trail, ...tenants);
      await trail.seal();
      await trail.close();
    }
    const { exitCode, stdout, stderr } = await run(['audit', 'status', '--directory', directory]);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^ {2}sidecar [0-9a-f]{16}, signing key [0-9a-f]{16}$/m);
    assert.match(stdout, /^ {2}no daemon writes to it$/m);
    assert.match(stdout, /^ {2}2 segments, \d+\.\d KiB$/m);
    assert.equal(stdout.match(/^ {2}[0-9a-f]{32} {8}1 /gm)?.length, 2, stdout);
    assert.match(stdout, /^ {2}no sinks: the spool is the trail$/m);
    assert.match(stdout, /^nothing is wrong$/m);
  });

  it('shows each sink of a running daemon, and ends in 1 where one fails', async (t) => {
    const directory = await running(t);
    const { exitCode, stdout, stderr } = await run(['audit', 'status', '--directory', directory]);
    assert.deepEqual([exitCode, stderr], [1, '']);
    assert.match(stdout, new RegExp(`^ {2}process ${process.pid} on ${hostname()} writes to it$`, 'm'));
    assert.match(stdout, /^ {2}siem +fake +\d+ +0 +- +-$/m);
    assert.match(stdout, /^ {2}acme\/archive +fake +0 +0 +\d\.\d KiB +\d+s$/m);
    assert.match(stdout, /^ {4}unreachable, \d+s ago: connection refused$/m);
    assert.match(stdout, /^ {2}PROBLEM sink acme\/archive fails: unreachable$/m);
    assert.match(stdout, /^1 problem$/m);
  });

  it('keeps to 80 columns, whatever a sink is called', async (t) => {
    const directory = await running(t, { ids: ['siem', LONG_ID] });
    const { stdout } = await run(['audit', 'status', '--directory', directory]);
    const tooLong = stdout.split('\n').filter((line) => line.length > 80 && !line.includes(directory));
    assert.deepEqual(tooLong, []);
    assert.match(stdout, new RegExp(`^ {2}${LONG_ID}\n {27}fake `, 'm'));
  });

  it('gives everything as JSON', async (t) => {
    const directory = await running(t);
    const { stdout } = await run(['audit', 'status', '--directory', directory, '--json']);
    const { spools } = JSON.parse(stdout);
    const [{ writer, starts, sinks, problems }] = spools;
    assert.deepEqual([spools.length, writer.pid, starts.length], [1, process.pid, 1]);
    assert.equal(sinks[0].lagMs, undefined);
    assert.ok(sinks[1].lagMs >= 0 && sinks[1].waitingBytes > 0);
    assert.deepEqual([sinks[1].tenantId, sinks[1].failure.message], ['acme', 'connection refused']);
    assert.deepEqual(problems, ['sink acme/archive fails: unreachable']);
  });

  it('ends in 1 for a sink that lags beyond --max-lag, and says by how much', async (t) => {
    const directory = await running(t, { now: () => Date.now() - 600_000 });
    const args = ['audit', 'status', '--directory', directory, '--max-lag'];
    assert.match((await run([...args, '5m'])).stdout, /^ {2}PROBLEM sink acme\/archive is 60\d s behind$/m);
    assert.doesNotMatch((await run([...args, '1h'])).stdout, /behind$/m);
  });

  it('counts what a sink will never take, and says where it is kept', async (t) => {
    const directory = folder(t);
    const trail = await openTrail(directory);
    await encrypt(trail, 'acme', 'acme');
    const sink = new FakeSink();
    sink.behaviour = async (batch) => batch.map((record) => ({ record, reason: 'too old' }));
    const courier = await Courier.start(
      {
        files: nodeFileLayer,
        directory,
        progress: trail.progress,
        logger: LOGGER,
        maxTenantLagBytes: 1024 * 1024,
        random: () => 0,
      },
      [target('acme/cloud', sink, 'acme')],
    );
    await courier.drain(10_000);
    await courier.stop();
    await trail.close();
    const { exitCode, stdout } = await run(['audit', 'status', '--directory', directory]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /never delivered to acme\/cloud: 2 records, kept in/);
    assert.match(stdout, /^ {2}acme\/cloud +fake +0 +2 +- +-$/m);
    assert.match(stdout, /^ {2}sinks, as the daemon left them \d+s ago$/m);
  });

  it('says that a courier is silent although the daemon runs', async (t) => {
    const directory = folder(t);
    const trail = await openTrail(directory, () => Date.now() - 60_000);
    t.after(() => trail.close());
    await encrypt(trail, 'acme');
    writeFileSync(join(directory, 'status.json'), JSON.stringify({ writtenAtMs: Date.now() - 30_000, spoolBytes: 0, sinks: [] }));
    const { exitCode, stdout } = await run(['audit', 'status', '--directory', directory]);
    assert.equal(exitCode, 1);
    assert.match(stdout, /PROBLEM the daemon runs, but its courier has told nothing for 30 s/);
  });

  it('takes what a former run told of its sinks for no word of this one, which has none', async (t) => {
    const directory = folder(t);
    writeFileSync(join(directory, 'status.json'), JSON.stringify({ writtenAtMs: Date.now() - 30_000, spoolBytes: 0, sinks: [] }));
    const trail = await openTrail(directory);
    t.after(() => trail.close());
    await encrypt(trail, 'acme');
    const { exitCode, stdout } = await run(['audit', 'status', '--directory', directory]);
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /no sinks: the spool is the trail/);
  });

  it('is not misled by a lock that a killed daemon of another host left', async (t) => {
    const directory = folder(t);
    const trail = await openTrail(directory);
    await encrypt(trail, 'acme');
    await trail.close();
    const lock = join(directory, 'lock');
    writeFileSync(`${lock}.x`, JSON.stringify({ id: 'x', pid: process.pid, startedAt: '', host: 'another-pod' }));
    const longAgo = new Date(Date.now() - 120_000);
    utimesSync(`${lock}.x`, longAgo, longAgo);
    renameSync(`${lock}.x`, lock);
    const { stdout } = await run(['audit', 'status', '--directory', directory]);
    assert.match(stdout, /no daemon writes to it/);
  });

  it('reads the spools of several processes, in the order of their numbers', async (t) => {
    const directory = folder(t);
    for (const process of ['2', '10', '1']) {
      const trail = await openTrail(join(directory, process));
      await encrypt(trail, 'acme');
      await trail.close();
    }
    const { stdout } = await run(['audit', 'status', '--directory', directory, '--json']);
    const directories = JSON.parse(stdout).spools.map((spool: { directory: string }) => spool.directory);
    assert.deepEqual(
      directories,
      ['1', '2', '10'].map((each) => join(directory, each)),
    );
  });

  it('shows the newest starts only, and how many more there are', async (t) => {
    const directory = folder(t);
    for (let starts = 0; starts < 10; starts += 1) {
      const trail = await openTrail(directory);
      await encrypt(trail, 'acme');
      await trail.seal();
      await trail.close();
    }
    const { stdout } = await run(['audit', 'status', '--directory', directory]);
    assert.equal(stdout.match(/^ {2}[0-9a-f]{32} /gm)?.length, 8);
    assert.match(stdout, /^ {2}and 2 older starts$/m);
  });

  it('ends in 2 where there is no spool, and without a directory', async (t) => {
    const directory = folder(t);
    const empty = await run(['audit', 'status', '--directory', directory]);
    assert.equal(empty.exitCode, 2);
    assert.match(empty.stderr, /there is no spool of an audit trail in/);
    assert.equal((await run(['audit', 'status', '--directory', join(directory, 'nowhere')])).exitCode, 2);
    assert.equal((await run(['audit', 'status'])).exitCode, 2);
  });
});
