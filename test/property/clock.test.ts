import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../src/core/clock.ts';
import { check } from './runs.ts';

describe('systemClock, whatever the clocks of the machine do', () => {
  const step = fc.record({ run: fc.nat(10_000), wall: fc.integer({ min: -100_000, max: 100_000 }) });

  it('never runs backwards, never more slowly than the monotonic clock, and counts every sleep to within 250 ms', () => {
    check(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [monotonic, wall, forward] = [0, 1_700_000_000_000, 0];
        const clock = systemClock(
          () => monotonic,
          () => wall,
        );
        const start = clock.nowMs();
        let now = start;
        for (const { run, wall: shift } of steps) {
          monotonic += run;
          wall += run + shift;
          forward += Math.max(0, shift);
          const next = clock.nowMs();
          assert.ok(next - now >= run, 'slower than the monotonic clock');
          assert.ok(next - start <= monotonic + forward, 'counts time that did not pass');
          now = next;
        }
        if (steps.every(({ wall: shift }) => shift >= 0)) assert.ok(now - start >= monotonic + forward - 250);
      }),
      300,
    );
  });
});
