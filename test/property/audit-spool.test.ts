import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { Spool } from '../../src/audit/spool.ts';
import { ForgetfulFiles } from '../fakes/forgetful-files.ts';
import { readSpool, recordNumber, spoolOptions } from '../fakes/spools.ts';

const LINE = JSON.stringify({ text: 'y'.repeat(150) });

interface Run {
  /** How many records are appended at a time, one number for each turn in which some are. */
  readonly bursts: readonly number[];
  /** After how many operations on files the power goes. */
  readonly powerEndsAfter: number;
  readonly seed: number;
}

const runs: fc.Arbitrary<Run> = fc.record({
  bursts: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 20 }),
  powerEndsAfter: fc.integer({ min: 1, max: 60 }),
  seed: fc.integer(),
});

/** Runs until the power goes; which acknowledged records are missing then, and whether what is left reads as it should. */
async function lostAfterCrash({ bursts, powerEndsAfter, seed }: Run, ignoresSync: boolean): Promise<number[]> {
  const files = new ForgetfulFiles({ random: pseudoRandom(seed), ignoresSync });
  const spool = await Spool.open(spoolOptions(files, { segmentBytes: 1_024 }));
  const acknowledged: number[] = [];
  let sequence = 0;
  for (const burst of bursts) {
    const first = sequence + 1;
    for (let count = 0; count < burst; count += 1) spool.append(recordNumber(++sequence), LINE);
    const last = sequence;
    void spool.settled()?.then(() => {
      for (let one = first; one <= last; one += 1) acknowledged.push(one);
    });
    await turn();
    if (files.operations >= powerEndsAfter) break;
  }
  while (files.operations < powerEndsAfter && spool.settled() !== undefined) await turn();
  const wereAcknowledged = [...acknowledged];
  const found = (await readSpool(files.crash())).flatMap(({ sequences }) => sequences);
  assert.deepEqual(
    found,
    found.map((_, at) => at + 1),
    'what is left is a beginning of what was appended',
  );
  return wereAcknowledged.filter((one) => !found.includes(one));
}

function pseudoRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('whenever the power goes, every acknowledged record is there', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (run) => {
      assert.deepEqual(await lostAfterCrash(run, false), []);
    }),
    { numRuns: 300 },
  );
});

test('without its syncs the spool loses acknowledged records: the test above can fail', async () => {
  const losses = await Promise.all(
    fc.sample(runs, { numRuns: 100, seed: 1 }).map(async (run) => {
      const lost = await lostAfterCrash(run, true).catch(() => [0]);
      return lost.length;
    }),
  );
  assert.ok(losses.some((lost) => lost > 0));
});
