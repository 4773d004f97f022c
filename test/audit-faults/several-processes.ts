import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compare } from '../crash/judge.ts';
import { readSegments, segmentFiles } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { oneOf } from '../crash/random.ts';
import { verifiedByCommand } from '../crash/verified-by-command.ts';
import type { Scenario } from './scenario.ts';
import { until } from './until.ts';

/** Of a daemon of two processes first one is killed, then the one above them: each process has a trail of its own. */
export async function severalProcesses({ checks, random }: Scenario): Promise<void> {
  checks.note('\na daemon of two processes, of which one is killed, and then the one above them');
  const place = await AuditedPlace.make({ audit: '{ checkpointInterval: 1s }', more: 'sidecar: { processes: 2 }' });
  try {
    const stored = new Stored();
    const daemon = await place.start();
    const parts = { address: daemon.tcp, stored, random };
    const [first, second] = [new Ledger(), new Ledger()];
    let load = new Load({ ...parts, ledger: first, name: 'first' });
    await load.isAnswered();
    await pause(500);
    process.kill(oneOf(random, childrenOf(daemon.process.pid as number)), 'SIGKILL');
    const isReplaced = await until(() => daemon.log.filter(({ message }) => message === 'process serves').length === 3, 20_000);
    checks.check(isReplaced, 'a process that was killed is replaced');
    await load.end();
    load = new Load({ ...parts, ledger: second, name: 'second' });
    await load.isAnswered();
    await pause(500);
    await daemon.kill();
    await load.end();
    const next = await place.start();
    checks.check(await next.endsWell(), 'the next daemon starts over the same directory, and ends well');
    const spools = readdirSync(place.auditDirectory).map((name) => join(place.auditDirectory, name));
    checks.check(spools.length === 2, `each process has a spool: ${spools.length}`);
    const records = spools.flatMap((spool) => readSegments(spool).flatMap((segment) => segment.records));
    for (const ledger of [first, second]) {
      const asked = records.filter(({ key }) => key !== undefined && ledger.find(key) !== undefined);
      checks.none(
        compare(ledger, asked, () => false),
        `all ${ledger.acknowledged.size} operations that were answered are on record, once`,
      );
    }
    for (const spool of spools) {
      const { isVerified, words } = await verifiedByCommand(join(spool, 'signing-key.pub.pem'), segmentFiles(spool));
      checks.check(isVerified && !words.includes('unproven'), `keyside audit verify: ${words}`);
    }
  } finally {
    await place.remove();
  }
}

/** @throws {Error} where the system does not tell */
function childrenOf(pid: number): number[] {
  const text = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return text.trim().split(/\s+/).map(Number);
}
