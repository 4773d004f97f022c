import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scenarios } from '../../interop/scenarios.ts';
import { faultsOfWritten } from '../../interop/written.ts';

/** As JSON has it: `__proto__` is a name like any other. */
const SCENARIOS: Scenarios = JSON.parse(`{
  "documents": [{ "id": "d", "fields": { "__proto__": { "text": "x" }, "": { "text": "y" } } }],
  "batches": [{ "id": "b", "documents": [{ "id": "i", "fields": {} }, { "id": "j", "fields": { "a": { "text": "z" } } }] }],
  "streams": [{ "id": "s", "bytes": 16384, "detached": true }, { "id": "t", "bytes": 16383, "detached": false }],
  "ranges": [],
  "errors": []
}`);

const WHOLE = `{
  "documents": { "d": { "edek": "S0Q=", "fields": { "__proto__": "AA==", "": "AA==" } } },
  "batches": { "b": [{ "id": "i", "edek": "S0Q=", "fields": {} }, { "id": "j", "edek": "S0Q=", "fields": { "a": "AA==" } }] },
  "streams": { "s": { "edek": "S08=", "body": "s.bin" }, "t": { "edek": "S08=", "body": "t.bin" } }
}`;

/** Salt and commitment; two chunks, of which the last is empty, of the one, and one of the other behind its header of two bytes. */
const SIZES: Readonly<Record<string, number>> = { 's.bin': 56 + 16_384 + 32, 't.bin': 2 + 56 + 16_383 + 16 };

function faults(text: string, sizes = SIZES): readonly string[] {
  return faultsOfWritten(JSON.parse(text), SCENARIOS, (name) => sizes[name]);
}

test('a file with everything in it is whole', () => {
  assert.deepEqual(faults(WHOLE), []);
});

const table: readonly [name: string, part: string, instead: string, fault: RegExp][] = [
  ['a document that is missing', '"d":', '"e":', /^documents: d is missing\ndocuments: "e" is none of the scenarios$/],
  ['a kind that is missing', '"streams"', '"bodies"', /^has no streams$/],
  ['a field of a name like an inherited one', '"__proto__": "AA==", ', '', /^document d lacks field "__proto__"$/],
  ['the field without a name', ', "": "AA=="', '', /^document d lacks field ""$/],
  ['a field too many', ', "": "AA=="', ', "": "AA==", "b": "AA=="', /^document d has a field "b" that was not encrypted$/],
  ['no bytes in base64', '"a": "AA=="', '"a": "AA"', /^batch b, item 1 lacks field "a"$/],
  ['an EDEK without bytes', '"d": { "edek": "S0Q="', '"d": { "edek": ""', /^document d has no edek in base64$/],
  ['items in another order', '"id": "i"', '"id": "j"', /^batch b, item 0 has the id "j" and not "i"$/],
  ['an item less', '{ "id": "i", "edek": "S0Q=", "fields": {} }, ', '', /^batch b is no list of 2$/],
  ['another file', '"s.bin"', '"u.bin"', /^stream s has no file "u.bin"$/],
  [
    'a header that is counted',
    '"t": { "edek": "S08="',
    '"t": { "edek": "S08A"',
    /^stream t has a file of 16457 bytes and not 16458$/,
  ],
];

for (const [name, part, instead, fault] of table) {
  test(`what is not whole is named: ${name}`, () => {
    assert.ok(WHOLE.includes(part));
    assert.match(faults(WHOLE.replace(part, instead)).join('\n'), fault);
  });
}

test('a body that was cut is seen by its length', () => {
  assert.deepEqual(faults(WHOLE, { ...SIZES, 's.bin': 56 + 16_384 + 16 }), ['stream s has a file of 16456 bytes and not 16472']);
});

test('what is no object is no file', () => {
  for (const text of ['[]', 'null', '"text"']) assert.deepEqual(faults(text), ['is not an object of JSON']);
});
