import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/settings/units.ts';

const DURATIONS = [
  { text: '250ms', ms: 250 },
  { text: '60s', ms: 60_000 },
  { text: '5m', ms: 300_000 },
  { text: '1h', ms: 3_600_000 },
  { text: '7d', ms: 604_800_000 },
  { text: '0s', ms: 0 },
  ...['', '5', '5 m', ' 5m', '5m\n', '1.5h', '-1s', '+1s', '5M', '1w', '1h30m', '٣s', '1e3s', '999999999999h'].map((text) => ({
    text,
    ms: undefined,
  })),
];

for (const { text, ms } of DURATIONS) {
  test(`the duration ${JSON.stringify(text)} is ${ms ?? 'refused'}`, () => assert.equal(parseDuration(text), ms));
}

const SIZES = [
  { text: '4096', bytes: 4_096 },
  { text: '64KiB', bytes: 65_536 },
  { text: '3MiB', bytes: 3_145_728 },
  { text: '64GiB', bytes: 68_719_476_736 },
  { text: '0', bytes: 0 },
  ...['', 'KiB', '1 KiB', '1KB', '1kib', '1.5MiB', '-1', '1TiB', '0x10', '999999999999999GiB'].map((text) => ({
    text,
    bytes: undefined,
  })),
];

for (const { text, bytes } of SIZES) {
  test(`the size ${JSON.stringify(text)} is ${bytes ?? 'refused'}`, () => assert.equal(parseSize(text), bytes));
}

test('every whole number of milliseconds reads back as it was written', () => {
  fc.assert(fc.property(fc.nat({ max: 999_999_999 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  fc.assert(fc.property(fc.nat({ max: 20_000 }), fc.constantFrom(1_000, 60_000, 3_600_000, 86_400_000), roundTripDuration));
});

function roundTripDuration(count: number, unitMs: number): boolean {
  const text = formatDuration(count * unitMs);
  return parseDuration(text) === count * unitMs && !text.endsWith('ms');
}

test('every whole number of bytes reads back as it was written', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat().filter((bytes) => bytes < 1e15),
      (bytes) => parseSize(formatSize(bytes)) === bytes,
    ),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.constantFrom(2 ** 10, 2 ** 20, 2 ** 30), (count, unit) => {
      const text = formatSize(count * unit);
      return parseSize(text) === count * unit && text.endsWith('iB');
    }),
  );
});
