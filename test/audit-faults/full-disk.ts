import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compare, compareSink } from '../crash/judge.ts';
import { readLines, readSegments, segmentFiles } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { verifiedByCommand } from '../crash/verified-by-command.ts';
import { type DiskRoom, diskRoom } from './disk-room.ts';
import { counted, distinct, isUnavailable, type Scenario } from './scenario.ts';
import { until } from './until.ts';

const AUDIT =
  '{ segmentBytes: 1MiB, checkpointInterval: 1s, sinks: [{ name: file, kind: file, file: { path: delivered.ndjson } }] }';

/** The disk is full for a while: no call succeeds without a record, and all goes on by itself when there is room. Why not, where it cannot be tried. */
export async function fullDisk(scenario: Scenario): Promise<string | undefined> {
  const place = await AuditedPlace.make({ audit: AUDIT, more: 'drain: { timeout: 30s }' });
  try {
    const room = diskRoom(place.auditDirectory);
    if ('missing' in room) return room.missing;
    scenario.checks.note(`\nthe disk is full: ${room.how}`);
    try {
      await tryFullDisk(scenario, place, room);
    } finally {
      room.remove();
    }
    return undefined;
  } finally {
    await place.remove();
  }
}

async function tryFullDisk({ checks, random, isShort }: Scenario, place: AuditedPlace, room: DiskRoom): Promise<void> {
  const daemon = await place.start();
  const pid = daemon.process.pid as number;
  const ledger = new Ledger();
  const load = new Load({ address: daemon.tcp, ledger, stored: new Stored(), random, name: 'full' });
  await load.isAnswered();
  await pause(500);
  room.take(pid);
  const isRefused = await until(() => ledger.refusals.length > 0, 20_000);
  checks.check(isRefused, 'calls are refused once there is no room');
  const refusedAtFirst = ledger.refusals.length;
  await pause(isShort ? 1_500 : 10_000);
  const [answered, refused] = [ledger.acknowledged.size, ledger.refusals.length];
  checks.check(refused > refusedAtFirst, `and as long as there is none: ${refused} times`);
  room.giveBack(pid);
  checks.check(await until(() => ledger.acknowledged.size > answered + 100, 20_000), 'with room, calls are answered again');
  await load.end();
  checks.check(
    ledger.refusals.every(isUnavailable),
    `every refusal is AUDIT_UNAVAILABLE with a time to come again: ${counted(ledger.refusals)}`,
  );
  checks.check(daemon.has('the audit trail cannot be written'), 'the log says that the trail cannot be written');
  checks.check(daemon.has('the audit trail can be written again'), 'and when it can be again');
  checks.check(await daemon.endsWell(), 'the daemon ends well');
  const records = distinct(readSegments(place.spool).flatMap((segment) => segment.records));
  checks.none(
    compare(ledger, records, () => false),
    `all ${ledger.acknowledged.size} operations that were answered are on record, once`,
  );
  const spool = await verifiedByCommand(place.publicKeyFile, segmentFiles(place.spool));
  checks.check(spool.isVerified, `keyside audit verify: ${spool.words}`);
  const delivered = readLines(readFileSync(join(place.folder, 'delivered.ndjson'), 'utf8'));
  checks.none(compareSink(delivered, records), `the sink has all ${records.length} records, in order`);
}
