import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compare, compareSink } from '../crash/judge.ts';
import { readLines, readSegments } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { verifiedByCommand } from '../crash/verified-by-command.ts';
import { Receiver, TAKES } from './receiver.ts';
import { counted, type Scenario } from './scenario.ts';
import { until } from './until.ts';
import { WebhookFiles } from './webhook-files.ts';

const TENANT = 'globex';
const QUICK_FILE = 'quick.ndjson';

interface Receivers {
  /** Goes away for a while. */
  readonly away: Receiver;
  /** Answers every second delivery with 503, and keeps every second one of those nevertheless. */
  readonly half: Receiver;
  readonly slow: Receiver;
  /** A tenant's own. */
  readonly own: Receiver;
}

/**
 * Under load, one sink is away for a time, one refuses half of the deliveries, one is slow, one is quick and one is a tenant's; and the
 * daemon is killed once and restarted once meanwhile.
 */
export async function busySinks(scenario: Scenario): Promise<void> {
  const { checks, isShort } = scenario;
  const awayMs = isShort ? 5_000 : 60_000;
  checks.note(`\nsinks: one away for ${awayMs / 1_000} s, one answers 503 to half, one slow, one quick, one of a tenant`);
  const place = await AuditedPlace.make({ audit: '{}' });
  const receivers: Receivers = {
    away: await new Receiver().start(),
    half: await new Receiver((at) => (at % 2 === 0 ? TAKES : { status: 503, isKept: at % 4 === 1 })).start(),
    slow: await new Receiver(() => ({ ...TAKES, delayMs: 400 })).start(),
    own: await new Receiver().start(),
  };
  try {
    configure(place, receivers);
    await trySinks(scenario, { place, receivers, awayMs });
  } finally {
    await Promise.all(Object.values(receivers).map((receiver: Receiver) => receiver.stop()));
    await place.remove();
  }
}

function configure(place: AuditedPlace, { away, half, slow, own }: Receivers): void {
  const files = new WebhookFiles(place.folder);
  const sinks = [
    files.sink('away', away),
    files.sink('half', half),
    files.sink('slow', slow),
    `{ name: quick, kind: file, file: { path: ${QUICK_FILE} } }`,
  ];
  place.configure({
    audit: `{ segmentBytes: 1MiB, checkpointInterval: 1s, sinks: [${sinks.join(', ')}] }`,
    more: 'drain: { timeout: 2s }',
    tenantAudit: { [TENANT]: `{ sinks: [${files.sink('own', own)}] }` },
  });
}

interface SinkTrial {
  readonly place: AuditedPlace;
  readonly receivers: Receivers;
  readonly awayMs: number;
}

async function trySinks({ checks, random, isShort }: Scenario, { place, receivers, awayMs }: SinkTrial): Promise<void> {
  const { away } = receivers;
  const ledgers: Ledger[] = [];
  const stored = new Stored();
  /** Loads a daemon for so long; how many operations were answered each second. */
  const loaded = async (name: string, address: string, forMs: number): Promise<number> => {
    const ledger = new Ledger();
    ledgers.push(ledger);
    const load = new Load({ address, ledger, stored, random, name });
    await pause(forMs);
    await load.end();
    checks.check(ledger.refusals.length === 0, `no call fails, ${name}: ${counted(ledger.refusals)}`);
    return (ledger.acknowledged.size * 1_000) / forMs;
  };
  let daemon = await place.start();
  const partMs = isShort ? 1_500 : 15_000;
  const before = await loaded('while all sinks are there', daemon.tcp, partMs);
  await away.stop();
  const during = await loaded('while one is away', daemon.tcp, awayMs / 2);
  await daemon.kill();
  daemon = await place.start();
  const again = await loaded('after a kill, while one is away', daemon.tcp, awayMs / 2);
  checks.check(await daemon.endsWell(), 'the daemon is restarted');
  await away.start();
  daemon = await place.start();
  const back = await loaded('after it came back', daemon.tcp, partMs);
  const perSecond = [before, during, again, back].map((each) => each.toFixed(0)).join(', ');
  checks.note(`          operations answered a second, in the order of the lines above: ${perSecond}`);
  await judgeSinks(checks, { place, receivers, ledgers });
  checks.check(await daemon.endsWell(), 'the daemon ends well');
}

async function judgeSinks(
  checks: Scenario['checks'],
  {
    place,
    receivers,
    ledgers,
  }: { readonly place: AuditedPlace; readonly receivers: Receivers; readonly ledgers: readonly Ledger[] },
): Promise<void> {
  const { away, half, slow, own } = receivers;
  // A checkpoint still comes, within a second; then nothing more.
  await pause(2_500);
  const records = readSegments(place.spool).flatMap((segment) => segment.records);
  const theirs = records.filter(({ tenantId }) => tenantId === TENANT);
  const quick = (): string[] => readFileSync(join(place.folder, QUICK_FILE), 'utf8').trimEnd().split('\n');
  const sinks = [
    { name: 'the sink that was away', lines: () => away.lines, expected: records },
    { name: 'the sink that answers 503 to half', lines: () => half.lines, expected: records },
    { name: 'the slow sink', lines: () => slow.lines, expected: records },
    { name: 'the quick sink', lines: quick, expected: records },
    { name: `the sink of ${TENANT}`, lines: () => own.lines, expected: theirs },
  ];
  for (const { name, lines, expected } of sinks) {
    await until(() => lines().at(-1) === expected.at(-1)?.line, 90_000);
    const problems = compareSink(readLines(lines().join('\n')), expected);
    checks.none(problems, `${name} has all of its ${expected.length} records at least once, in order, and no other`);
  }
  checks.check(half.refused * 3 > half.deliveries, `503 was answered to ${half.refused} of ${half.deliveries} deliveries`);
  for (const ledger of ledgers) {
    const asked = records.filter(({ key }) => key !== undefined && ledger.find(key) !== undefined);
    checks.none(
      compare(ledger, asked, () => false),
      `${ledger.acknowledged.size} operations are on record, once`,
    );
  }
  const file = join(place.folder, 'tenant.ndjson');
  writeFileSync(file, `${own.lines.join('\n')}\n`);
  const verified = await verifiedByCommand(place.publicKeyFile, [file]);
  checks.check(verified.isVerified, `keyside audit verify, ${TENANT}'s sink alone: ${verified.words}`);
}
