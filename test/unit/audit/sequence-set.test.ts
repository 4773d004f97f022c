import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SequenceSet } from '../../../src/audit/sequence-set.ts';

describe('a set of sequence numbers', () => {
  it('tells a number that was there from a new one, across pages and in any order', () => {
    const set = new SequenceSet();
    for (let value = 200_000; value > 0; value -= 1) assert.equal(set.add(value), true);
    for (const value of [1, 65_536, 65_537, 131_072, 200_000]) assert.equal(set.add(value), false);
    assert.deepEqual([set.largest, set.firstMissing(1)], [200_000, undefined]);
  });

  const gaps = [
    { name: 'at the beginning', missing: 1, from: 1, want: 1 },
    { name: 'on the border of a page', missing: 65_537, from: 1, want: 65_537 },
    { name: 'behind complete pages', missing: 190_001, from: 1, want: 190_001 },
    { name: 'before what is asked for', missing: 5, from: 6, want: undefined },
  ];
  for (const { name, missing, from, want } of gaps) {
    it(`finds the first that is missing ${name}`, () => {
      const set = new SequenceSet();
      for (let value = 1; value <= 200_000; value += 1) if (value !== missing) set.add(value);
      assert.equal(set.firstMissing(from), want);
    });
  }
});
