import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compareSink } from '../crash/judge.ts';
import { readLines, readSegments } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { diskRoom } from './disk-room.ts';
import { Receiver, TAKES } from './receiver.ts';
import { distinct, type Scenario } from './scenario.ts';
import { until } from './until.ts';
import { WebhookFiles } from './webhook-files.ts';

/** How long the sink takes for a delivery: so that much is still to be delivered in the end. */
const DELIVERY_MS = 700;

/** A daemon ends while its disk is full: it cannot sign any more, but ships what is on record. Why not, where it cannot be tried. */
export async function fullAtTheEnd({ checks, random }: Scenario): Promise<string | undefined> {
  const place = await AuditedPlace.make({ audit: '{}' });
  const receiver = await new Receiver(() => ({ ...TAKES, delayMs: DELIVERY_MS })).start();
  const room = diskRoom(place.auditDirectory);
  try {
    if ('missing' in room) return room.missing;
    checks.note(`\na daemon ends while its disk is full: ${room.how}`);
    const sink = new WebhookFiles(place.folder).sink('slow', receiver);
    place.configure({ audit: `{ checkpointInterval: 1h, sinks: [${sink}] }`, more: 'drain: { timeout: 20s }' });
    const daemon = await place.start();
    const ledger = new Ledger();
    const load = new Load({ address: daemon.tcp, ledger, stored: new Stored(), random, name: 'end' });
    await load.isAnswered();
    await until(() => ledger.acknowledged.size > 500, 10_000);
    room.take(daemon.process.pid as number);
    checks.check(await until(() => ledger.refusals.length > 0, 20_000), 'calls are refused once there is no room');
    const code = daemon.stop();
    await load.end();
    checks.check((await code) === 1, 'the daemon ends, and its code says that it did not end well');
    const records = distinct(readSegments(place.spool).flatMap((segment) => segment.records));
    checks.none(
      compareSink(readLines(receiver.lines.join('\n')), records),
      `the sink has all ${records.length} records that there are`,
    );
    return undefined;
  } finally {
    if ('remove' in room) room.remove();
    await receiver.stop();
    await place.remove();
  }
}
