import { readFileSync } from 'node:fs';
import { median } from '../faults/percentile.ts';

const MIB = 2 ** 20;

export interface Sample {
  /** On the heap after garbage was collected, and outside it for objects on it. */
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/** What the middle third and the last third of a run had, as medians; the first third is warming up. */
export interface Thirds {
  readonly middleMib: number;
  readonly lastMib: number;
}

export function readSamples(file: string): readonly Sample[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export function thirdsOf(values: readonly number[]): Thirds {
  const third = Math.floor(values.length / 3);
  const medianMib = (some: readonly number[]): number => median(some) / MIB;
  return { middleMib: medianMib(values.slice(third, 2 * third)), lastMib: medianMib(values.slice(2 * third)) };
}

/** Whether the last third has no more than the middle one, but for what samples scatter: `spareMib`. */
export function isFlat({ middleMib, lastMib }: Thirds, spareMib: number): boolean {
  return lastMib - middleMib <= spareMib;
}

/** Growth per minute, in MiB: the median of the slopes between all pairs of samples, which a few outliers do not move. */
export function slopeMibPerMinute(values: readonly number[], sampleMs: number): number {
  const slopes: number[] = [];
  for (let from = 0; from < values.length; from += 1) {
    for (let to = from + 1; to < values.length; to += 1) {
      slopes.push(((values[to] as number) - (values[from] as number)) / (to - from));
    }
  }
  return (median(slopes) / MIB) * (60_000 / sampleMs);
}
