import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readPublicKeys } from '../../src/audit/signing-key.ts';
import { verifyFiles } from '../../src/audit/verify.ts';
import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compareSink, faultsOf, unprovenOf } from '../crash/judge.ts';
import { readLines, readSegments, segmentFiles } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { Receiver } from './receiver.ts';
import type { Scenario } from './scenario.ts';
import { until } from './until.ts';
import { WebhookFiles } from './webhook-files.ts';

const REMAINDER = 'a sink was not given all of the audit trail before the daemon ended';
const FILE = 'delivered.ndjson';

/** A daemon that is told to end ships what it has, within its time, and says what it could not. */
export async function drained({ checks, random }: Scenario): Promise<void> {
  checks.note('\na daemon ends while a sink is away');
  const place = await AuditedPlace.make({ audit: '{}' });
  const receiver = await new Receiver().start();
  try {
    const files = new WebhookFiles(place.folder);
    // Longer than any wait for a full batch: what is delivered at the end is delivered because it is the end.
    const sinks = `[{ name: file, kind: file, file: { path: ${FILE} } }, ${files.sink('away', receiver)}]`;
    place.configure({ audit: `{ checkpointInterval: 1h, sinks: ${sinks} }`, more: 'drain: { timeout: 2s }' });
    await receiver.stop();
    const daemon = await place.start();
    const load = new Load({ address: daemon.tcp, ledger: new Ledger(), stored: new Stored(), random, name: 'drain' });
    await load.isAnswered();
    await pause(700);
    const stopping = daemon.endsWell();
    await load.end();
    checks.check(await stopping, 'the daemon ends well');
    const left = daemon.log.filter(({ message }) => message === REMAINDER);
    const told = left.map(({ sink, bytes }) => `${sink}: ${bytes} bytes`).join(', ');
    const isTold = left.length === 1 && left[0]?.sink === 'away' && Number(left[0].bytes) > 0;
    checks.check(isTold, `the log tells what is left for the sink that is away, and for no other: ${told}`);
    const records = readSegments(place.spool).flatMap((segment) => segment.records);
    const delivered = readLines(readFileSync(join(place.folder, FILE), 'utf8'));
    checks.none(compareSink(delivered, records), `the other sink has all ${records.length} records`);
    const report = await verifyFiles(segmentFiles(place.spool), {
      trusted: readPublicKeys(readFileSync(place.publicKeyFile, 'utf8')),
    });
    const starts = new Set(records.map(({ start }) => start));
    checks.none([...faultsOf(report), ...unprovenOf(report, starts)], 'everything is signed, to the last record');
    await receiver.start();
    const next = await place.start();
    const last = records.at(-1)?.line as string;
    checks.check(await until(() => receiver.lines.includes(last), 60_000), 'the next daemon delivers the rest');
    checks.check(await next.endsWell(), 'and ends well');
    const all = readSegments(place.spool).flatMap((segment) => segment.records);
    checks.none(
      compareSink(readLines(receiver.lines.join('\n')), all),
      `so that the sink has all ${all.length} records, in order`,
    );
  } finally {
    await receiver.stop();
    await place.remove();
  }
}
