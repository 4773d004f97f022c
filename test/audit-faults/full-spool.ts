import { setTimeout as pause } from 'node:timers/promises';
import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compare, compareSink } from '../crash/judge.ts';
import { readLines, readSegments } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { Receiver } from './receiver.ts';
import { counted, distinct, isUnavailable, type Scenario } from './scenario.ts';
import { until } from './until.ts';
import { WebhookFiles } from './webhook-files.ts';

/** A sink is away until the spool has reached its size: what it was not given is not deleted for calls to go on. */
export async function fullSpool({ checks, random }: Scenario): Promise<void> {
  checks.note('\na sink is away until the spool is full');
  const place = await AuditedPlace.make({ audit: '{}' });
  const receiver = await new Receiver().start();
  try {
    const files = new WebhookFiles(place.folder);
    const audit = `{ segmentBytes: 1MiB, maxBytes: 4MiB, checkpointInterval: 1s, sinks: [${files.sink('away', receiver)}] }`;
    place.configure({ audit, more: 'drain: { timeout: 30s }' });
    await receiver.stop();
    const daemon = await place.start();
    const ledger = new Ledger();
    const load = new Load({ address: daemon.tcp, ledger, stored: new Stored(), random, name: 'spool' });
    checks.check(await until(() => ledger.refusals.length > 0, 120_000), 'calls are refused when the spool is full');
    const oldest = readSegments(place.spool)[0]?.records[0]?.sequence;
    checks.check(oldest === 1, 'no record was deleted that the sink was not given');
    await pause(500);
    const answered = ledger.acknowledged.size;
    await receiver.start();
    checks.check(
      await until(() => ledger.acknowledged.size > answered + 100, 60_000),
      'once the sink is back, calls are answered',
    );
    await load.end();
    checks.check(
      ledger.refusals.every(isUnavailable),
      `every refusal is AUDIT_UNAVAILABLE with a time to come again: ${counted(ledger.refusals)}`,
    );
    checks.check(await daemon.endsWell(), 'the daemon ends well');
    const delivered = distinct(readLines(receiver.lines.join('\n')));
    checks.none(
      compare(ledger, delivered, () => false),
      `the sink has all ${ledger.acknowledged.size} operations that were answered, once`,
    );
    const gaps = delivered.filter(({ sequence }, at) => sequence !== at + 1).map(({ uid }) => `${uid} follows a gap`);
    checks.none(gaps.slice(0, 1), `and all of its ${delivered.length} records, in order`);
    const left = readSegments(place.spool).flatMap((segment) => segment.records);
    checks.none(compareSink(delivered.slice(-left.length), distinct(left)), 'the spool keeps the newest of them');
  } finally {
    await receiver.stop();
    await place.remove();
  }
}
