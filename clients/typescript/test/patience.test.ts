import assert from 'node:assert/strict';
import { it } from 'node:test';
import { later } from '../src/patience.ts';

it('a time beyond the longest of a timer is that one: it is neither over at once nor without end', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const ms of [2 ** 31, 1e12, Number.POSITIVE_INFINITY]) {
    const work = t.mock.fn();
    later(work, ms);
    t.mock.timers.tick(2 ** 31 - 2);
    assert.equal(work.mock.callCount(), 0);
    t.mock.timers.tick(1);
    assert.equal(work.mock.callCount(), 1, `${ms}`);
  }
});
