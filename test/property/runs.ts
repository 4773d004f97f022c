import fc from 'fast-check';

/**
 * How long the properties run. Unset, every run is the same: a fixed seed and few runs. KEYSIDE_PROPERTY_RUNS=100000 is the number of
 * runs of each property, with a seed of its own each time; a failure prints its seed, and KEYSIDE_PROPERTY_SEED repeats it.
 */
const RUNS = positiveInteger('KEYSIDE_PROPERTY_RUNS');
const SEED = positiveInteger('KEYSIDE_PROPERTY_SEED');

function positiveInteger(name: string): number | undefined {
  const value = process.env[name];
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(value)) throw new Error(`${name} is not a positive integer`);
  return Number(value);
}

/** Checks a property: `runs` times by default. */
export function check<Ts>(property: fc.IRawProperty<Ts>, runs = 100): void {
  fc.assert(property, parameters(runs));
}

/** As `check`, for a property that awaits. */
export async function checkAsync<Ts>(property: fc.IAsyncProperty<Ts>, runs = 100): Promise<void> {
  await fc.assert(property, parameters(runs));
}

function parameters(runs: number): { numRuns: number; seed: number } {
  const seed = SEED ?? (RUNS === undefined ? 1 : Date.now() & 0x7fffffff);
  return { numRuns: RUNS ?? runs, seed };
}
