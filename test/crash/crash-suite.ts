import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditedPlace } from './audited-daemon.ts';
import type { Checks } from './checks.ts';
import { type CrashMode, CrashRun, type RoundSeen } from './crash-run.ts';
import { compareSink } from './judge.ts';
import { readLines, readSegments, segmentFiles } from './kept-records.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { Stored } from './mixed-calls.ts';
import type { Random } from './random.ts';
import { verifiedByCommand } from './verified-by-command.ts';

export interface CrashSuite {
  readonly checks: Checks;
  readonly random: Random;
  /** How many kills. */
  readonly times: number;
}

/** Kills a daemon so many times, and judges each time and in the end. */
export async function runCrashes(mode: CrashMode, { checks, random, times }: CrashSuite): Promise<void> {
  checks.note(`\naudit.mode: ${mode}`);
  const crashes = await CrashRun.begin(mode, random);
  try {
    const rounds: RoundSeen[] = [];
    for (let round = 1; round <= times; round += 1) {
      const seen = await crashes.round();
      rounds.push(seen);
      checks.none(seen.problems, `kill ${round}: ${roundText(seen)}`);
    }
    checks.check(await crashes.end(), 'the last daemon ends well');
    await judgeWhole(checks, crashes, rounds);
  } finally {
    await crashes.place.remove();
  }
}

function roundText({ kill, acknowledged, unanswered, missing, oldestMissingMs, records }: RoundSeen): string {
  const moment = `${kill.afterMs} ms after the first answer${kill.isAtAnswer ? ', with the next one' : ''}${kill.isStarting ? ', then while it started' : ''}`;
  const torn = [...(kill.tearsSpool ? ['spool'] : []), ...(kill.tearsSink ? ['sink'] : [])].join(' and ');
  const lost = missing === 0 ? '' : `, ${missing} of the last ${Math.round(oldestMissingMs)} ms lost`;
  return `${moment}${torn === '' ? '' : `, ${torn} torn`}: ${acknowledged} answered${lost}, ${unanswered} not; ${records} records`;
}

async function judgeWhole(checks: Checks, crashes: CrashRun, rounds: readonly RoundSeen[]): Promise<void> {
  const { place, sinkFile } = crashes;
  const answered = rounds.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  checks.check(
    rounds.every(({ acknowledged }) => acknowledged > 0),
    `every daemon answered something before it was killed: ${answered} operations in all`,
  );
  const records = readSegments(place.spool).flatMap((segment) => segment.records);
  const spool = await verifiedByCommand(place.publicKeyFile, segmentFiles(place.spool));
  checks.check(spool.isVerified, `keyside audit verify, the spool: ${spool.words}`);
  const sink = await verifiedByCommand(place.publicKeyFile, [sinkFile]);
  checks.check(sink.isVerified, `keyside audit verify, the sink's file: ${sink.words}`);
  const problems = compareSink(readLines(readFileSync(sinkFile, 'utf8')), records);
  checks.none(problems, `the sink has all ${records.length} records at least once, in order`);
}

/** Nothing is recorded, and nothing is made on the disk for it. */
export async function runOff({ checks, random }: Omit<CrashSuite, 'times'>): Promise<void> {
  checks.note('\naudit.mode: off');
  const place = await AuditedPlace.make({ audit: '{ mode: "off" }' });
  try {
    const daemon = await place.start();
    const ledger = new Ledger();
    const load = new Load({ address: daemon.tcp, ledger, stored: new Stored(), random, name: 'off' });
    await load.isAnswered();
    await pause(500);
    await load.end();
    await daemon.stop();
    checks.check(ledger.acknowledged.size > 0, `${ledger.acknowledged.size} operations were answered`);
    checks.check(!existsSync(place.auditDirectory), 'no spool directory is made');
  } finally {
    await place.remove();
  }
}
