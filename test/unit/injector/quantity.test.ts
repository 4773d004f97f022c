import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AUDIT_SIZE,
  CPU,
  isQuantityOf,
  isSameQuantity,
  MEMORY,
  parseQuantity,
  type QuantityRange,
} from '../../../src/injector/quantity.ts';

describe('a quantity', () => {
  const readable: readonly (readonly [text: string, amount: number])[] = [
    ['0', 0],
    ['1', 1],
    ['+1', 1],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['2.', 2],
    ['100m', 0.1],
    ['1k', 1_000],
    ['1M', 1e6],
    ['1E', 1e18],
    ['1e3', 1_000],
    ['1E3', 1_000],
    ['2e-1', 0.2],
    ['64Mi', 67_108_864],
    ['1.5Gi', 1_610_612_736],
    ['1Ti', 2 ** 40],
  ];
  for (const [text, amount] of readable) {
    it(`${text} is ${amount}`, () => assert.equal(parseQuantity(text), amount));
  }

  for (const text of [
    '',
    ' ',
    '-1',
    '1 Gi',
    '1GiB',
    '1gi',
    '1KI',
    '1K',
    'Gi',
    '.',
    '1.2.3',
    '1e',
    '1e999',
    '0x10',
    'NaN',
    '１',
    '1\n',
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseQuantity(text), undefined));
  }

  it('that is too long to be meant is none, and takes no time', () =>
    assert.equal(parseQuantity('1'.repeat(1_000_000)), undefined));
});

describe('a range of quantities', () => {
  const cases: readonly { range: QuantityRange; text: string; want: boolean }[] = [
    { range: CPU, text: '1m', want: true },
    { range: CPU, text: '0.5m', want: false },
    { range: CPU, text: '0', want: false },
    { range: CPU, text: '256', want: true },
    { range: CPU, text: '257', want: false },
    { range: MEMORY, text: '64Mi', want: true },
    { range: MEMORY, text: '63Mi', want: false },
    { range: MEMORY, text: '512m', want: false },
    { range: MEMORY, text: '134217728.5', want: false },
    { range: MEMORY, text: '1Ti', want: true },
    { range: MEMORY, text: '2Ti', want: false },
    { range: AUDIT_SIZE, text: '128Mi', want: true },
    { range: AUDIT_SIZE, text: '64Mi', want: false },
    { range: AUDIT_SIZE, text: 'much', want: false },
  ];
  for (const { range, text, want } of cases) {
    it(`${want ? 'has' : 'has not'} ${text}: ${range.words}`, () => assert.equal(isQuantityOf(range, text), want));
  }
});

describe('two quantities', () => {
  it('are the same where they are the same amount, however written', () => {
    assert.ok(isSameQuantity('1Gi', '1024Mi'));
    assert.ok(isSameQuantity('1', '1000m'));
    assert.ok(!isSameQuantity('1Gi', '1G'));
  });

  it('that are none are the same only as texts', () => {
    assert.ok(isSameQuantity('Memory', 'Memory'));
    assert.ok(!isSameQuantity('Memory', 'memory'));
    assert.ok(!isSameQuantity('a', ''));
  });
});
