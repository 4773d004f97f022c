import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabelSets } from '../../../src/telemetry/label-sets.ts';

test('the same values give the same object, so that a measurement allocates none', () => {
  const sets = new LabelSets(['a', 'b', 'c']);
  const first = sets.get('1', '2', '3');
  assert.deepEqual(first, { a: '1', b: '2', c: '3' });
  assert.equal(sets.get('1', '2', '3'), first);
  assert.notEqual(sets.get('1', '3', '2'), first);
});

test('values are told apart by their place', () => {
  const sets = new LabelSets(['a', 'b', 'c']);
  assert.deepEqual(sets.get('x', 'y', 'y'), { a: 'x', b: 'y', c: 'y' });
  assert.deepEqual(sets.get('y', 'x', 'y'), { a: 'y', b: 'x', c: 'y' });
});

test('no more sets are kept than the bound, and those asked for are right beyond it', () => {
  const sets = new LabelSets(['a', 'b', 'c'], 10);
  for (let index = 0; index < 95; index += 1) {
    assert.deepEqual(sets.get(`${index % 3}`, 'x', `${index}`), { a: `${index % 3}`, b: 'x', c: `${index}` });
    assert.ok(sets.size <= 10);
  }
});
