import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { StreamTable } from '../../src/rpc/stream-table.ts';
import { check } from './runs.ts';

/** Some ids often come again, some have the same home in a table of 64 slots, some are those of streams that follow each other. */
const id = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 0, max: 8 }).map((times) => 2 * 64 * times + 1),
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), id }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), id }) },
);

it('whatever is done to it, a table of streams is as a Map', () => {
  check(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const [table, map] = [new StreamTable<number>(), new Map<number, number>()];
      for (const [at, { kind, id: each }] of steps.entries()) {
        if (kind === 'clear') {
          table.clear();
          map.clear();
        } else if (kind === 'delete') assert.equal(table.delete(each), map.delete(each));
        else {
          assert.equal(table.set(each, at), table);
          map.set(each, at);
        }
        assert.equal(table.size, map.size);
        assert.equal(table.get(each), map.get(each));
        assert.equal(table.has(each), map.has(each));
      }
      for (const [each, at] of map) assert.equal(table.get(each), at);
      const inOrder = (entries: Iterable<[number, number]>): [number, number][] => [...entries].sort(([a], [b]) => a - b);
      assert.deepEqual(inOrder(table), inOrder(map));
    }),
  );
});
