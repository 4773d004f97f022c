import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, digestOf } from '../../../src/config/canonical-json.ts';

test('the order of keys makes no difference, that of lists does', () => {
  assert.equal(canonicalJson({ b: [1, { d: 1, c: 2 }], a: null }), '{"a":null,"b":[1,{"c":2,"d":1}]}');
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
});

test('entries that are undefined are as if left out', () => {
  assert.equal(canonicalJson({ a: undefined, b: 1 }), canonicalJson({ b: 1 }));
});

test('what JSON cannot tell apart is refused rather than taken for equal', () => {
  for (const value of [new Set(['a']), new Map(), new Date(0)]) assert.throws(() => canonicalJson({ value }), TypeError);
});

test('canonical JSON reads back as the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('the digest is SHA-256 in hex', () => {
  assert.equal(digestOf({ a: 1 }), createHash('sha256').update('{"a":1}').digest('hex'));
});
