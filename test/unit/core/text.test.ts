import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareUtf8, decodeUtf8 } from '../../../src/core/text.ts';
import { assertRefused } from './refusal.ts';

describe('decodeUtf8', () => {
  const valid = [
    { name: 'nothing', input: '', want: '' },
    { name: 'a byte order mark, which it keeps', input: 'efbbbf61', want: '\ufeffa' },
    { name: 'NUL', input: '00', want: '\0' },
    { name: 'an astral character', input: 'f09f9491', want: '\u{1f511}' },
    { name: 'the last character there is', input: 'f48fbfbf', want: '\u{10ffff}' },
    { name: 'a non-character', input: 'efbfbf', want: '\uffff' },
    { name: 'the replacement character as such', input: 'efbfbd', want: '\ufffd' },
    { name: 'a decomposed letter, which it leaves so', input: '65cc81', want: 'e\u0301' },
  ];
  for (const { name, input, want } of valid) {
    it(`decodes ${name}`, () => assert.equal(decodeUtf8(Buffer.from(input, 'hex')), want));
  }

  const invalid = [
    { name: 'FF', input: 'ff' },
    { name: 'FE', input: 'fe' },
    { name: 'a continuation byte alone', input: '80' },
    { name: 'an overlong NUL', input: 'c080' },
    { name: 'an overlong slash', input: 'e080af' },
    { name: 'a surrogate', input: 'eda080' },
    { name: 'a surrogate pair', input: 'eda0bdedb491' },
    { name: 'a number beyond the last character', input: 'f4908080' },
    { name: 'a character cut short', input: '61f09f94' },
    { name: 'a character cut short by another', input: 'f09f9461' },
    { name: 'a five-byte form', input: 'f888808080' },
  ];
  for (const { name, input } of invalid) {
    it(`refuses ${name} and decodes the next text as if nothing had been`, () => {
      assertRefused(() => decodeUtf8(Buffer.from(input, 'hex')), 'REQUEST_INVALID', /^a text is not valid UTF-8$/);
      assert.equal(decodeUtf8(Buffer.from('6f6b')), '6f6b');
      assertRefused(() => decodeUtf8(Uint8Array.of(0x91)), 'REQUEST_INVALID');
    });
  }

  it('decodes a part of a larger buffer', () => {
    assert.equal(decodeUtf8(Buffer.from('abcd').subarray(1, 3)), 'bc');
  });
});

describe('compareUtf8', () => {
  const ordered = [
    '',
    '\0',
    'B',
    'a',
    'aa',
    'ab',
    'a\u00e9',
    'b',
    '\u00e9',
    '\ud7ff',
    '\ue000',
    '\ufffd',
    '\uffff',
    '\u{10000}',
    '\u{1f511}',
  ];

  it('orders as the bytes do, where UTF-16 would put astral characters before U+E000', () => {
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries())
        assert.equal(Math.sign(compareUtf8(a, b)), Math.sign(i - j), JSON.stringify([a, b]));
    }
    assert.notDeepEqual([...ordered].sort(), ordered, "the table must contain what JavaScript's own order gets wrong");
  });
});
