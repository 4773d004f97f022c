import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { entriesOf, parseJson, textOf } from '../../../src/cli/json-input.ts';
import { KeysideError } from '../../../src/core/errors.ts';

const refusal = (message: string) => (error: unknown) =>
  error instanceof KeysideError && error.reason === 'REQUEST_INVALID' && error.message === message;

describe('JSON input', () => {
  const accepted: readonly { readonly name: string; readonly text: string; readonly want: unknown }[] = [
    { name: 'the same key in objects beside each other', text: '[{"a":1},{"a":2}]', want: [{ a: 1 }, { a: 2 }] },
    { name: 'the same key in objects within each other', text: '{"a":{"a":{"a":1}}}', want: { a: { a: { a: 1 } } } },
    { name: 'a key that is also a value', text: '{"a":"b","b":"a"}', want: { a: 'b', b: 'a' } },
    { name: 'structure within texts', text: '{"a":"{\\"b\\":1,\\"b\\":2}","b":"\\\\"}', want: { a: '{"b":1,"b":2}', b: '\\' } },
    { name: 'a byte order mark before it', text: '\uFEFF{}', want: {} },
  ];
  for (const { name, text, want } of accepted) {
    it(`takes ${name}`, () => assert.deepEqual(parseJson(Buffer.from(text), 'it'), want));
  }

  const refused: readonly { readonly name: string; readonly bytes: Uint8Array; readonly want: string }[] = [
    { name: 'a key given twice', bytes: Buffer.from('{"a":1,"b":2,"a":3}'), want: 'it names "a" twice' },
    { name: 'a key given twice, once in escapes', bytes: Buffer.from('{"a":1,"\\u0061":3}'), want: 'it names "a" twice' },
    { name: '__proto__ given twice', bytes: Buffer.from('{"__proto__":1,"__proto__":3}'), want: 'it names "__proto__" twice' },
    { name: 'a key given twice deep below', bytes: Buffer.from('{"x":[{"y":{"k":1,"k":2}}]}'), want: 'it names "k" twice' },
    { name: 'broken syntax', bytes: Buffer.from('{"a":"s3cret"\n "b"}'), want: 'it is not JSON: see line 2 column 2' },
    { name: 'a text that is no JSON, without quoting it', bytes: Buffer.from('s3cret'), want: 'it is not JSON' },
    { name: 'nothing', bytes: Buffer.from(''), want: 'it is not JSON' },
    { name: 'what is not UTF-8', bytes: Buffer.from([0x22, 0xff, 0x22]), want: 'it is not UTF-8' },
  ];
  for (const { name, bytes, want } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => parseJson(bytes, 'it'), refusal(want)));
  }

  it('is read in one pass however it is escaped', () => {
    const text = JSON.stringify({ quotes: '"'.repeat(1_000_000), slashes: '\\'.repeat(1_000_000) });
    assert.deepEqual(Object.keys(parseJson(Buffer.from(text), 'it') as object), ['quotes', 'slashes']);
  });

  it('keeps __proto__ as a key like any other', () => {
    assert.deepEqual(entriesOf(parseJson(Buffer.from('{"__proto__":"x","constructor":"y"}'), 'it'), 'it'), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  for (const value of [null, 1, 'text', true, []]) {
    it(`is refused where an object is needed and ${JSON.stringify(value)} is there`, () => {
      assert.throws(() => entriesOf(value, 'it'), refusal('it must be a JSON object'));
    });
  }

  for (const value of [null, 1, {}, [], false, undefined]) {
    it(`is refused where a text is needed and ${JSON.stringify(value)} is there`, () => {
      assert.throws(() => textOf(value, 'it'), refusal('it must be a text in quotes'));
    });
  }

  it('is refused where a text is half a surrogate pair, which UTF-8 cannot hold', () => {
    assert.throws(() => textOf('a\ud800', 'it'), refusal('it is not well-formed Unicode'));
  });
});
