import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from 'commander';
import { durationMs, keyValue, several } from '../../../src/cli/option-values.ts';

describe('a time', () => {
  for (const [text, want] of [
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
  ] as const) {
    it(`of ${text} is ${want} ms`, () => assert.equal(durationMs(text), want));
  }
  for (const text of ['', '10', '0s', '-1s', '1.5s', '10 s', 'soon']) {
    it(`is not ${JSON.stringify(text)}`, () => assert.throws(() => durationMs(text), InvalidArgumentError));
  }
});

describe('key=value', () => {
  it('is split at the first =', () => assert.deepEqual([...keyValue('a=b=c')], [['a', 'b=c']]));
  it('may have an empty value', () => assert.deepEqual([...keyValue('a=')], [['a', '']]));
  it('takes __proto__ for a key like any other', () => assert.deepEqual([...keyValue('__proto__=x')], [['__proto__', 'x']]));
  it('is collected', () =>
    assert.deepEqual(
      [...keyValue('b=2', keyValue('a=1'))],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ));
  it('is refused without =', () => assert.throws(() => keyValue('a'), InvalidArgumentError));
  it('is refused where the key comes twice', () => assert.throws(() => keyValue('a=2', keyValue('a=1')), InvalidArgumentError));
});

describe('an option given several times', () => {
  it('keeps all its values in order', () => assert.deepEqual(several('b', several('a')), ['a', 'b']));
});
