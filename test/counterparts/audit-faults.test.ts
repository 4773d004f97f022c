import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { busySinks } from '../audit-faults/busy-sinks.ts';
import { drained } from '../audit-faults/drained.ts';
import { fullAtTheEnd } from '../audit-faults/full-at-the-end.ts';
import { fullDisk } from '../audit-faults/full-disk.ts';
import { fullSpool } from '../audit-faults/full-spool.ts';
import { lostDirectory, unusableDirectory } from '../audit-faults/lost-directory.ts';
import type { Scenario } from '../audit-faults/scenario.ts';
import { severalProcesses } from '../audit-faults/several-processes.ts';
import { Checks } from '../crash/checks.ts';
import { runCrashes, runOff } from '../crash/crash-suite.ts';
import { seededRandom } from '../crash/random.ts';

const KILLS = 3;

/** Runs a trial as short as it can be, and fails with every check that was not met; skipped where it says why it cannot be tried. */
async function tried(t: TestContext, trial: (scenario: Scenario) => Promise<unknown>): Promise<void> {
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const checks = new Checks((sentence) => t.diagnostic(sentence));
  const missing = await trial({ checks, random: seededRandom(seed), isShort: true });
  if (typeof missing === 'string') return t.skip(missing);
  assert.deepEqual(checks.failures, []);
  assert.ok(checks.passed > 0);
}

describe('the audit trail of a daemon under load', () => {
  it('has every operation that was answered, once, after the daemon was killed', (t) =>
    tried(t, ({ checks, random }) => runCrashes('required', { checks, random, times: KILLS })));

  it('in mode async may lack the last of them, and nothing else', (t) =>
    tried(t, ({ checks, random }) => runCrashes('async', { checks, random, times: KILLS })));

  it('in mode off is not there', (t) => tried(t, runOff));

  it('refuses calls while the disk is full, and goes on when there is room', (t) => tried(t, fullDisk));

  it('is shipped as far as it is on record when the daemon ends on a full disk', (t) => tried(t, fullAtTheEnd));

  it('refuses calls rather than to delete what a sink was not given', (t) => tried(t, fullSpool));

  it('refuses calls while its directory is gone', (t) => tried(t, lostDirectory));

  it('does not start in a directory that cannot be used', (t) => tried(t, unusableDirectory));

  it('is whole in each process, of which one is killed, and then the one above them', (t) => tried(t, severalProcesses));

  it('reaches sinks that are away, slow or refuse, each in order, none held back by another', (t) => tried(t, busySinks));

  it('is shipped when the daemon ends, and the rest of it told and kept', (t) => tried(t, drained));
});
