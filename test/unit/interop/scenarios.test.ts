import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorReason, REASONS, reasonEntry } from '../../../src/core/errors.ts';
import { expectedResults, KINDS, readScenarios } from '../../interop/scenarios.ts';

const scenarios = readScenarios();

/** What no scenario can make a daemon answer at will; the clients' own tests have them of daemons that are played. */
const NOT_AT_WILL: readonly ErrorReason[] = [
  'OVERLOADED',
  'DRAINING',
  'AUDIT_UNAVAILABLE',
  'INTERNAL',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
];

test('a result is expected of every scenario, of each kind, and no two have one name', () => {
  const expected = expectedResults(scenarios);
  const names = expected.map(({ kind, scenario }) => `${kind} ${scenario}`);
  assert.equal(new Set(names).size, names.length);
  assert.equal(names.length, Object.values(scenarios).flat().length);
  assert.deepEqual(new Set(expected.map(({ kind }) => kind)), new Set(KINDS));
});

test('every reason that a daemon gives at will is in a scenario, with its code and whether it passes', () => {
  for (const { id, reason, code, retryable } of scenarios.errors) {
    const entry = reasonEntry(reason as ErrorReason);
    assert.deepEqual([code, retryable], [entry.code, entry.retryAfterMs !== undefined], id);
  }
  const reasons = new Set(scenarios.errors.map(({ reason }) => reason));
  const missing = Object.keys(REASONS).filter((reason) => !reasons.has(reason));
  assert.deepEqual(missing.sort(), [...NOT_AT_WILL].sort());
});

test('ranges are of streams that there are, and as many bytes as those have', () => {
  for (const { id, stream, offset, length, expected } of scenarios.ranges) {
    const bytes = scenarios.streams.find((each) => each.id === stream)?.bytes;
    assert.notEqual(bytes, undefined, id);
    const end = Math.min(bytes as number, length === null ? Number.POSITIVE_INFINITY : offset + length);
    assert.equal(expected, Math.max(0, end - offset), id);
  }
});

test('what is altered is there: documents, and fields of them', () => {
  for (const { id, call, document, change } of scenarios.errors) {
    if (document === undefined) {
      assert.equal(change, undefined, id);
      continue;
    }
    assert.notEqual(call, 'encrypt', id);
    const fields = scenarios.documents.find((each) => each.id === document)?.fields;
    assert.notEqual(fields, undefined, id);
    const { flip = 'edek' } = change ?? {};
    assert.ok(flip === 'edek' || Object.hasOwn(fields as object, flip), id);
  }
});

test('names that every object of JavaScript inherits are fields like any other', () => {
  const fields = scenarios.documents.find(({ id }) => id === 'names-of-objects')?.fields ?? {};
  assert.ok(Object.hasOwn(fields, '__proto__'));
  assert.ok(Object.hasOwn(fields, 'constructor'));
});

test('names in two forms of Unicode stay two names', () => {
  const names = Object.keys(scenarios.documents.find(({ id }) => id === 'unicode-names')?.fields ?? {});
  assert.ok(names.includes('\u00e9') && names.includes('e\u0301'));
});
