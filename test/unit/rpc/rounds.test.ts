import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { NO_PLACE, Rounds, type Timed } from '../../../src/rpc/rounds.ts';

const LIMIT_MS = 800;

function member(): Timed & { ended: number } {
  return {
    dueRound: 0,
    place: NO_PLACE,
    ended: 0,
    onDue() {
      this.ended += 1;
    },
  };
}

function start(t: TestContext): Rounds {
  t.mock.timers.enable({ apis: ['setInterval'] });
  return new Rounds(LIMIT_MS);
}

it('a time limit is over after its time, by an eighth of it late at most, and once', (t) => {
  const rounds = start(t);
  const [early, late] = [member(), member()];
  rounds.begin(early);
  t.mock.timers.tick(250);
  rounds.begin(late);
  t.mock.timers.tick(549);
  assert.deepEqual([early.ended, late.ended], [0, 0]);
  t.mock.timers.tick(101);
  assert.deepEqual([early.ended, late.ended], [1, 0]);
  t.mock.timers.tick(LIMIT_MS);
  assert.deepEqual([early.ended, late.ended], [1, 1]);
  t.mock.timers.tick(3 * LIMIT_MS);
  assert.deepEqual([early.ended, late.ended], [1, 1]);
});

it('a time that began anew counts from there, and one that was ended does not count', (t) => {
  const rounds = start(t);
  const [anew, gone] = [member(), member()];
  for (const each of [anew, gone]) rounds.begin(each);
  t.mock.timers.tick(700);
  rounds.begin(anew);
  rounds.end(gone);
  t.mock.timers.tick(700);
  assert.deepEqual([anew.ended, gone.ended], [0, 0]);
  t.mock.timers.tick(300);
  assert.deepEqual([anew.ended, gone.ended], [1, 0]);
});

it('there is no timer while there are no members', (t) => {
  const rounds = start(t);
  const cleared = t.mock.method(globalThis, 'clearInterval');
  const one = member();
  rounds.begin(one);
  rounds.end(one);
  t.mock.timers.tick(LIMIT_MS);
  assert.equal(cleared.mock.callCount(), 1);
  rounds.begin(one);
  t.mock.timers.tick(2 * LIMIT_MS);
  assert.equal(one.ended, 1);
});

it('of many members that end each other, each that is left is told once', (t) => {
  const rounds = start(t);
  const members = Array.from({ length: 9 }, member);
  for (const [at, each] of members.entries()) {
    rounds.begin(each);
    each.onDue = () => {
      each.ended += 1;
      rounds.end(each);
      const other = members[(at + 4) % 9] as Timed;
      rounds.end(other);
    };
  }
  t.mock.timers.tick(2 * LIMIT_MS);
  // From the last on: 8 ends 3, 7 ends 2, 6 ends 1, 5 ends 0; 4 ends 8, which has ended.
  assert.deepEqual(
    members.map(({ ended }) => ended),
    [0, 0, 0, 0, 1, 1, 1, 1, 1],
  );
});
