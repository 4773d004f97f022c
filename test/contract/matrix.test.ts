import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge, type Mark } from '../contract-matrix/matrix.ts';
import type { Outcome } from '../contract-matrix/outcomes.ts';

const REAL = ['shows: wrap, real'];
const SCRIPTED = ['shows: wrap, scripted'];

function outcome(said: readonly string[], ended: Outcome['ended'] = 'passed', why = ''): Outcome {
  return { name: 'a test', ended, why, said };
}

describe('a cell of the matrix', () => {
  const cells: readonly { readonly name: string; readonly outcomes: readonly Outcome[]; readonly want: Mark }[] = [
    { name: 'that no test shows', outcomes: [outcome([])], want: 'MISSING' },
    { name: 'of a column without tests', outcomes: [], want: 'MISSING' },
    { name: 'that one passed test shows', outcomes: [outcome(REAL)], want: 'real' },
    { name: 'that is shown both ways', outcomes: [outcome(SCRIPTED), outcome(REAL)], want: 'real' },
    { name: 'that a stub alone shows', outcomes: [outcome(SCRIPTED)], want: 'scripted' },
    { name: 'with one failure among successes', outcomes: [outcome(REAL), outcome(REAL, 'failed')], want: 'FAILED' },
    { name: 'that was given up with a reason', outcomes: [outcome(REAL, 'skipped', 'not applicable: why')], want: 'n/a' },
    { name: 'that was skipped for no reason that counts', outcomes: [outcome(REAL, 'skipped', 'later')], want: 'MISSING' },
    {
      name: 'that one suite gave up and another shows',
      outcomes: [outcome(REAL, 'skipped', 'not applicable: why'), outcome(SCRIPTED)],
      want: 'scripted',
    },
    { name: 'without its counterpart', outcomes: [outcome([], 'skipped', 'bao is skipped: no pip')], want: 'skipped' },
  ];
  for (const { name, outcomes, want } of cells) {
    it(`${name} is ${want}`, () => {
      assert.equal(judge('x', outcomes).cells.find(({ behaviour }) => behaviour === 'wrap')?.mark, want);
    });
  }

  it('is not all that counts: failures of tests without a behaviour are told beside', () => {
    assert.equal(judge('x', [outcome([], 'failed'), outcome(REAL, 'failed')]).others.length, 1);
  });
});
