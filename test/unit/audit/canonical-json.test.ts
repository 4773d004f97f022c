import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalize, canonicalOf, type Json, quote } from '../../../src/audit/canonical-json.ts';

describe('canonical JSON', () => {
  it('is that of the example in RFC 8785, section 3.2.2', () => {
    const input = String.raw`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`;
    assert.equal(
      canonicalize(JSON.parse(input)),
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('orders names by their code units, as in section 3.2.3', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const text = canonicalize(Object.fromEntries(names.map((name) => [name, 1])));
    assert.deepEqual(Object.keys(JSON.parse(text.replace('"1":1', '"one":1'))), [
      '\r',
      'one',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\u{1f600}',
      '\ufb33',
    ]);
  });

  it('keeps a name that objects have by themselves', () => {
    assert.equal(canonicalize(JSON.parse('{"b":1,"__proto__":{"a":2}}')), '{"__proto__":{"a":2},"b":1}');
  });

  const without: readonly { readonly name: string; readonly value: Json }[] = [
    { name: 'half of a surrogate pair', value: '\ud800' },
    { name: 'half of a surrogate pair in a name', value: { '\udc00': 1 } },
    { name: 'a number beyond what JSON can hold', value: Number.POSITIVE_INFINITY },
    { name: 'what is no number', value: Number.NaN },
  ];
  for (const { name, value } of without) {
    it(`there is none of ${name}`, () => {
      assert.throws(() => canonicalize(value), TypeError);
    });
  }

  const others: readonly { readonly name: string; readonly text: string; readonly want: string }[] = [
    { name: 'what is canonical', text: '{"a":[1,{"b":null}]}', want: '{"a":[1,{"b":null}]}' },
    { name: 'names out of order', text: '{"b":1,"a":2}', want: '{"a":2,"b":1}' },
    { name: 'names out of order further down', text: '[{"b":1,"a":2}]', want: '[{"a":2,"b":1}]' },
    { name: 'numbers as names, in the order of numbers', text: '{"9":1,"10":2}', want: '{"10":2,"9":1}' },
    { name: 'numbers as names, in order', text: '{"":0,"10":2,"9":1}', want: '{"":0,"10":2,"9":1}' },
    { name: 'white space', text: '{"a": 1}', want: '{"a":1}' },
    { name: 'an escape that is not needed', text: '"\\u0041"', want: '"A"' },
    { name: 'another form of a number', text: '1.0', want: '1' },
  ];
  for (const { name, text, want } of others) {
    it(`is found of a text: ${name}`, () => {
      assert.equal(canonicalOf(text, JSON.parse(text)), want);
    });
  }

  it('of a text with half of a surrogate pair there is none', () => {
    for (const text of ['"\\ud800"', '{"\\udc00":1}']) assert.throws(() => canonicalOf(text, JSON.parse(text)), TypeError);
  });

  it('a text is quoted with what cannot be UTF-8 replaced', () => {
    assert.equal(quote('a"\ud800'), '"a\\"\ufffd"');
  });
});
