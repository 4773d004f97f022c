import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditedPlace } from '../crash/audited-daemon.ts';
import { compare } from '../crash/judge.ts';
import { readSegments } from '../crash/kept-records.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { Stored } from '../crash/mixed-calls.ts';
import { counted, distinct, isUnavailable, type Scenario } from './scenario.ts';
import { until } from './until.ts';

/** The directory is removed under a working daemon: what it writes from then on would be found by nobody. */
export async function lostDirectory({ checks, random }: Scenario): Promise<void> {
  checks.note('\nthe directory of the spool is removed');
  const place = await AuditedPlace.make({ audit: '{ segmentBytes: 1MiB, checkpointInterval: 1s }' });
  try {
    const daemon = await place.start();
    const before = new Ledger();
    const stored = new Stored();
    const load = new Load({ address: daemon.tcp, ledger: before, stored, random, name: 'before' });
    await load.isAnswered();
    await pause(300);
    await load.end();
    rmSync(place.spool, { recursive: true });
    // All of these are asked for after it is gone.
    const after = new Ledger();
    const second = new Load({ address: daemon.tcp, ledger: after, stored, random, name: 'after' });
    checks.check(await until(() => after.refusals.length > 0, 10_000), 'calls are refused from then on');
    // Longer than the daemon takes to look for its lock.
    await pause(4_000);
    checks.check(after.acknowledged.size === 0, `none is answered without it: ${after.acknowledged.size} were`);
    // With its lock it may be another's by now: having it again is not enough.
    mkdirSync(place.spool, { recursive: true, mode: 0o700 });
    await pause(1_500);
    await second.end();
    checks.check(after.acknowledged.size === 0, 'nor with a new one');
    checks.check(after.refusals.every(isUnavailable), `every refusal is AUDIT_UNAVAILABLE: ${counted(after.refusals)}`);
    checks.check((await daemon.stop()) === 1, 'the daemon ends, and its code says that it did not end well');
    const next = await place.start();
    const last = new Ledger();
    const third = new Load({ address: next.tcp, ledger: last, stored, random, name: 'last' });
    await third.isAnswered();
    await pause(300);
    await third.end();
    checks.check(await next.endsWell(), 'the next daemon takes the new directory, and ends well');
    const records = distinct(readSegments(place.spool).flatMap((segment) => segment.records));
    checks.none(
      compare(last, records, () => false),
      `all ${last.acknowledged.size} operations that it answered are on record, once`,
    );
  } finally {
    await place.remove();
  }
}

/** A directory that cannot be used ends the start, in words and with a code. */
export async function unusableDirectory({ checks }: Scenario): Promise<void> {
  checks.note('\na directory that cannot be used');
  const place = await AuditedPlace.make({ audit: '{}' });
  try {
    writeFileSync(join(place.folder, 'file'), '');
    place.configure({ audit: '{ directory: file/audit }' });
    await refusedStart(checks, place, { why: 'below a file', mentions: join(place.folder, 'file/audit') });
    // sysfs takes no directories, from root neither.
    place.configure({ audit: '{ directory: /sys/keyside-audit }' });
    if (process.platform === 'linux')
      await refusedStart(checks, place, { why: 'where nothing may be written', mentions: '/sys/keyside-audit' });
    place.configure({ audit: '{}' });
    const first = await place.start();
    await refusedStart(checks, place, { why: "another daemon's", mentions: 'each daemon needs an audit.directory of its own' });
    checks.check(await first.endsWell(), 'the other daemon is not disturbed');
    writeFileSync(join(place.spool, 'signing-key.pem'), 'no key\n');
    await refusedStart(checks, place, { why: 'with a signing key that is none', mentions: 'signing-key.pem' });
    checks.check(readFileSync(join(place.spool, 'signing-key.pem'), 'utf8') === 'no key\n', 'which stays as it is');
  } finally {
    await place.remove();
  }
}

async function refusedStart(
  checks: Scenario['checks'],
  place: AuditedPlace,
  { why, mentions }: { readonly why: string; readonly mentions: string },
): Promise<void> {
  const daemon = place.spawn();
  daemon.listening().catch(() => undefined);
  const { code } = await daemon.ended;
  const words = [...daemon.prints, ...daemon.log.map((line) => JSON.stringify(line))].join('\n');
  checks.check(code === 1, `${why}: the daemon does not start, code ${code}`);
  checks.check(words.includes('audit.directory') && words.includes(mentions), `and says: ${words.split('\n')[0]}`);
}
