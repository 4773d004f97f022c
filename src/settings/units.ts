/** Milliseconds of each unit of a duration, largest last. */
const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Bytes of each unit of a size, largest last. */
const SIZE_UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

export const DURATION_PATTERN = /^\d{1,12}(ms|s|m|h|d)$/;
export const SIZE_PATTERN = /^\d{1,15}(KiB|MiB|GiB)?$/;

/** Milliseconds of `250ms`, `60s`, `5m`, `1h` or `7d` (a day is 24 hours); undefined for every other text, and for what a number cannot hold exactly. */
export function parseDuration(text: string): number | undefined {
  return DURATION_PATTERN.test(text) ? amount(text, DURATION_UNITS) : undefined;
}

/** Bytes of `64KiB`, `3MiB`, `64GiB` or `4096`; undefined for every other text, and for what a number cannot hold exactly. */
export function parseSize(text: string): number | undefined {
  return SIZE_PATTERN.test(text) ? amount(text, SIZE_UNITS) : undefined;
}

/** The duration in the largest unit that divides it; `parseDuration` reads it back. Precondition: a whole number of milliseconds. */
export function formatDuration(durationMs: number): string {
  return durationMs === 0 ? '0s' : (inLargestUnit(durationMs, DURATION_UNITS) ?? `${durationMs}ms`);
}

/** The size in the largest unit that divides it; `parseSize` reads it back. Precondition: a whole number of bytes. */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, SIZE_UNITS) ?? `${bytes}`;
}

function amount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const unit = text.replace(/^\d+/, '');
  const value = Number.parseInt(text, 10) * (units[unit] ?? 1);
  return Number.isSafeInteger(value) ? value : undefined;
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string | undefined {
  const unit = Object.entries(units).findLast(([, factor]) => value % factor === 0 && value >= factor);
  return unit === undefined ? undefined : `${value / unit[1]}${unit[0]}`;
}
