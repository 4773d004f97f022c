import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeReader } from '../../interop/matrix.ts';
import { kindRows, matrixRows, textTable } from '../../interop/print.ts';
import type { Expected } from '../../interop/scenarios.ts';

const EXPECTED: readonly Expected[] = [
  { kind: 'document', scenario: 'one' },
  { kind: 'document', scenario: 'two' },
  { kind: 'errors', scenario: 'one' },
];

function entriesOf(writer: string): Record<string, unknown>[] {
  return EXPECTED.map((entry) => ({ writer, ...entry, passed: true, says: '' }));
}

function judge(results: unknown) {
  return judgeReader({ reader: 'go', results, why: 'it was not written' }, ['go', 'java'], EXPECTED);
}

test('a reader that shows everything of every writer passes', () => {
  const { cells, strays } = judge([...entriesOf('go'), ...entriesOf('java')].reverse());
  assert.deepEqual(strays, []);
  assert.deepEqual(
    cells.map(({ writer, failures }) => [writer, failures]),
    [
      ['go', []],
      ['java', []],
    ],
  );
  assert.equal(
    textTable(matrixRows(cells, ['go'])),
    ['written by \\ read by | go', 'go                   | 3 passed'].join('\n'),
  );
});

const table = [
  { name: 'no file', change: () => undefined, failures: EXPECTED.map((each) => says(each, 'it was not written')) },
  { name: 'no list', change: () => ({}), failures: EXPECTED.map((each) => says(each, 'it was not written')) },
  { name: 'an entry that is missing', change: (all: unknown[]) => all.slice(1), failures: ['document one: there is no result'] },
  { name: 'an entry twice', change: (all: unknown[]) => [...all, all[2]], failures: ['errors one: there are 2 results'] },
  {
    name: 'an entry that failed',
    change: (all: object[]) => all.map((each, at) => (at === 1 ? { ...each, passed: false, says: 'a is b\n  c' } : each)),
    failures: ['document two: a is b; c'],
  },
  {
    name: 'one that failed and does not say why',
    change: (all: object[]) => all.map((each, at) => (at === 1 ? { ...each, passed: false } : each)),
    failures: ['document two: it failed and does not say why'],
  },
  {
    name: 'one that passed with a remark',
    change: (all: object[]) => all.map((each, at) => (at === 1 ? { ...each, says: 'almost' } : each)),
    failures: ['document two: it passed and yet says: almost'],
  },
  {
    name: 'a word in place of a verdict',
    change: (all: object[]) => all.map((each, at) => (at === 1 ? { ...each, passed: 'true' } : each)),
    failures: ['document two: it failed and does not say why'],
  },
  {
    name: 'no words',
    change: (all: object[]) => all.map((each, at) => (at === 1 ? { ...each, says: undefined } : each)),
    failures: ['document two: its "says" is no text'],
  },
];

for (const { name, change, failures } of table) {
  test(`a failure of the writer whose entry it is: ${name}`, () => {
    const changed = change(entriesOf('go'));
    const { cells } = judge(Array.isArray(changed) ? [...changed, ...entriesOf('java')] : changed);
    const [go, java] = cells;
    assert.deepEqual(go?.failures, failures);
    assert.equal(java?.failures.length, Array.isArray(changed) ? 0 : EXPECTED.length);
  });
}

test('what was not asked for is named: another writer, another scenario, another kind, what is no entry', () => {
  const [entry] = entriesOf('go');
  const others = [{ ...entry, writer: 'rust' }, { ...entry, scenario: 'three' }, { ...entry, kind: 'documents' }, null];
  const { cells, strays } = judge([...entriesOf('go'), ...entriesOf('java'), ...others]);
  assert.equal(strays.length, others.length);
  assert.match(strays[0] ?? '', /^go has a result that was not asked for: .*rust/);
  assert.ok(cells.every(({ failures }) => failures.length === 0));
});

test('the tables name what failed, and a pair that nobody judged', () => {
  const { cells } = judge([...entriesOf('go').slice(1), ...entriesOf('java')]);
  assert.deepEqual(matrixRows(cells, ['go', 'java']), [
    ['written by \\ read by', 'go', 'java'],
    ['go', '2 passed, FAILED: 1 document', 'nothing'],
    ['java', '3 passed', 'nothing'],
  ]);
  assert.deepEqual(kindRows(cells, ['go'])[1], ['document', '3 passed, 1 FAILED']);
});
function says({ kind, scenario }: Expected, words: string): string {
  return `${kind} ${scenario}: ${words}`;
}
