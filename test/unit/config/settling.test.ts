import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Settling } from '../../../src/config/settling.ts';

const patience = { quietMs: 100, removalGraceMs: 1_000, longestWaitMs: 5_000 };

test('a difference settles once it has stayed the same for the quiet time', () => {
  const settling = new Settling(patience);
  assert.deepEqual(settling.settled(new Map([['a', '1']]), 0), []);
  assert.deepEqual(settling.settled(new Map([['a', '1']]), 99), []);
  assert.deepEqual(settling.settled(new Map([['a', '2']]), 100), []);
  assert.deepEqual(settling.settled(new Map([['a', '2']]), 199), []);
  assert.deepEqual(settling.settled(new Map([['a', '2']]), 200), ['a']);
});

test('a missing file settles after the longer grace of a removal', () => {
  const settling = new Settling(patience);
  const missing = new Map([['a', undefined]]);
  assert.deepEqual(settling.settled(missing, 0), []);
  assert.deepEqual(settling.settled(missing, 999), []);
  assert.deepEqual(settling.settled(missing, 1_000), ['a']);
});

test('a file that comes back within the grace was never away', () => {
  const settling = new Settling(patience);
  settling.settled(new Map([['a', undefined]]), 0);
  settling.settled(new Map(), 500);
  assert.deepEqual(settling.settled(new Map([['a', undefined]]), 1_200), []);
});

test('others wait for a changing file, and not for one that never rests', () => {
  const settling = new Settling(patience);
  for (let nowMs = 0; nowMs < 5_000; nowMs += 50) {
    settling.settled(new Map([['restless', `${nowMs}`]]), nowMs);
    assert.equal(settling.restOf(nowMs), 'worth-waiting');
  }
  assert.deepEqual(settling.settled(new Map([['restless', 'x']]), 5_000), []);
  assert.equal(settling.restOf(5_000), 'restless');
  settling.settled(
    new Map([
      ['restless', 'x'],
      ['new', '1'],
    ]),
    5_010,
  );
  assert.equal(settling.restOf(5_010), 'worth-waiting');
});

test('what was taken over begins anew: its next change is worth a wait again', () => {
  const settling = new Settling(patience);
  settling.settled(new Map([['a', '1']]), 0);
  settling.forget('a');
  assert.equal(settling.restOf(0), 'none');
  settling.settled(new Map([['a', '2']]), 60_000);
  assert.equal(settling.restOf(60_000), 'worth-waiting');
});

test('a file that changed while it was read starts again, and says for how long that has gone on', () => {
  const settling = new Settling(patience);
  settling.settled(new Map([['a', '1']]), 0);
  assert.equal(settling.startAgain('a', 100), 100);
  assert.deepEqual(settling.settled(new Map([['a', '2']]), 150), []);
  assert.deepEqual(settling.settled(new Map([['a', '2']]), 250), ['a']);
  assert.equal(settling.startAgain('a', 300), 300);
});
