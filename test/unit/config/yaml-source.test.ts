import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderFaults } from '../../../src/config/fault.ts';
import { readYaml } from '../../../src/config/yaml-source.ts';

const faultsOf = (text: string): string => renderFaults(readYaml(text, 'x').faults);

const BAD: readonly { name: string; text: string; faults: string }[] = [
  { name: 'an empty file', text: '', faults: 'x: is empty' },
  { name: 'a file of comments', text: '# nothing\n', faults: 'x: is empty' },
  { name: 'a key given twice', text: 'a: 1\nb: 2\na: 3\n', faults: 'x:3:1: a: is given twice' },
  { name: 'a key given twice in a flow mapping', text: 'm: {a: 1, a: 2}\n', faults: 'x:1:11: m.a: is given twice' },
  { name: 'the same key in quotes and without', text: '"a": 1\na: 2\n', faults: 'x:2:1: a: is given twice' },
  { name: '__proto__ as a key', text: 'a:\n  __proto__: {b: 1}\n', faults: 'x:2:3: a.__proto__: is not allowed as a key' },
  { name: 'a list as a key', text: '? [a]\n: 1\n', faults: 'x:1:3: has a key that is not plain text' },
  { name: 'an empty key', text: '"": 1\n', faults: 'x:1:1: has a key that is not plain text' },
  { name: 'a second document', text: 'a: 1\n---\nb: 1\n', faults: 'x:2:1: begins a second document, a file holds one' },
  { name: 'a tag of its own', text: 'a: !secret x\n', faults: 'x:1:4: has a tag that is not known' },
  { name: 'an alias of nothing', text: 'a: *nothing\n', faults: 'x:1:4: a: is an alias of nothing that stands before it' },
  { name: 'a tab as indentation', text: 'a:\n\tb: 1\n', faults: 'x:2:1: tabs are not allowed as indentation' },
];

for (const { name, text, faults } of BAD) {
  test(`refuses ${name}, saying where`, () => assert.equal(faultsOf(text), faults));
}

test('reports all faults of the syntax, each once a line', () => {
  assert.equal(faultsOf('a: [1, 2\nb: "x\n').split('\n').length, new Set(faultsOf('a: [1, 2\nb: "x\n').split('\n')).size);
  assert.match(faultsOf('a: !one 1\nb: !two 2\nc: "x\n'), /x:1:4: .*\nx:2:4: .*\nx:4:1: /);
});

test('repeats no text of the file in a fault of the syntax', () => {
  for (const text of [
    'a: "hunter2\n',
    'hunter2: [}\n',
    'a: hunter2: hunter2\n',
    '%hunter2\n---\na: 1\n',
    'a: "\\hunter2"\n',
    '@hunter2',
  ]) {
    assert.notEqual(faultsOf(text), '');
    assert.doesNotMatch(faultsOf(text), /hunter2/);
  }
});

test('aliases that expand without end are stopped, in little time', () => {
  const levels = 'abcdefgh'.split('').map((name, at, names) => {
    const value =
      at === 0
        ? '[x, x, x, x, x, x, x, x, x]'
        : `[${Array(9)
            .fill(`*${names[at - 1]}`)
            .join(', ')}]`;
    return `${name}: &${name} ${value}`;
  });
  assert.match(faultsOf(levels.join('\n')), /aliases expand to more than 100000 values$/);
});

test('an alias of what surrounds it is stopped', () => {
  assert.match(faultsOf('a: &a [*a]\n'), /is nested deeper than 64 levels$/);
});

test('nesting without end is a fault and no crash', () => {
  assert.match(faultsOf('['.repeat(50_000)), /nested too deeply/);
  assert.match(faultsOf(`a: ${'['.repeat(70)}${']'.repeat(70)}`), /nested deeper than 64 levels/);
});

test('an alias repeats its anchor, and a later anchor of the name takes over', () => {
  assert.deepEqual(readYaml('a: &k {x: 1}\nb: *k\nc: &k {x: 2}\nd: *k\n', 'x').value, {
    a: { x: 1 },
    b: { x: 1 },
    c: { x: 2 },
    d: { x: 2 },
  });
});

test('keys stay as they are written', () => {
  assert.deepEqual(readYaml('007: a\n0x10: b\n1e3: c\ntrue: d\n"q": e\n', 'x').value, {
    '007': 'a',
    '0x10': 'b',
    '1e3': 'c',
    true: 'd',
    q: 'e',
  });
});

test('merge keys are keys like any other', () => {
  assert.deepEqual(readYaml('<<: {a: 1}\n', 'x').value, { '<<': { a: 1 } });
});

const PLACES = [
  { name: 'a value', path: ['a', 'b', 0, 'c'], place: '3:10' },
  { name: 'a mapping, by its key', path: ['a', 'b', 0, 'd'], place: '4:7' },
  { name: 'an entry of a list', path: ['a', 'b', 0], place: '3:7' },
  { name: 'a missing entry, by what should hold it', path: ['a', 'b', 0, 'd', 'missing', 'more'], place: '4:7' },
  { name: 'an empty value, by its key', path: ['a', 'f'], place: '5:3' },
  { name: 'what stands behind an alias, where it stands', path: ['g', 'e'], place: '4:17' },
  { name: 'a missing top-level entry', path: ['z'], place: '1:1' },
];

for (const { name, path, place } of PLACES) {
  test(`points at ${name}`, () => {
    const source = readYaml('a:\n  b:\n    - c: 1\n      d: &d {e: 2}\n  f:\ng: *d\n', 'x');
    const { line, column } = source.faultAt(path, 'is wrong');
    assert.equal(`${line}:${column}`, place);
  });
}

test('twenty thousand keys are looked through for doubles in linear time', () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => `k${at}: {}`);
  const startMs = performance.now();
  assert.equal(faultsOf(`${lines.join('\n')}\nk7: {}\n`), 'x:20001:1: k7: is given twice');
  assert.ok(performance.now() - startMs < 5_000);
});
