import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isFlat, slopeMibPerMinute, thirdsOf } from '../../soak/memory.ts';

const MIB = 2 ** 20;
const SAMPLE_MS = 2_000;

/** Memory of a run: warming up for a third, then growing by so much with each sample, and scattered. */
function run(growthBytes: number): number[] {
  return Array.from({ length: 300 }, (_, at) => {
    const warm = Math.min(at, 100) * 0.5 * MIB;
    const outlier = at % 50 === 49 ? 40 * MIB : 0;
    return 60 * MIB + warm + Math.max(0, at - 100) * growthBytes + (at % 3) * 0.2 * MIB + outlier;
  });
}

it('memory that scatters about one value is flat, whatever it grew by at first', () => {
  assert.equal(isFlat(thirdsOf(run(0)), 4), true);
  assert.ok(Math.abs(slopeMibPerMinute(run(0).slice(100), SAMPLE_MS)) < 0.1);
});

it('memory that grows slowly is not flat, and the slope says how fast', () => {
  const leak = run(0.06 * MIB);
  assert.equal(isFlat(thirdsOf(leak), 4), false);
  assert.ok(Math.abs(slopeMibPerMinute(leak.slice(100), SAMPLE_MS) - 1.8) < 0.1);
});
