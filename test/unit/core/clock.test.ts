import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, systemClock } from '../../../src/core/clock.ts';

const HOUR_MS = 3_600_000;

interface Machine {
  readonly clock: Clock;
  /** Both clocks move. */
  run(ms: number): void;
  /** The machine sleeps, or the wall clock is set: only the wall clock moves. */
  shiftWall(ms: number): void;
}

function machine(): Machine {
  let monotonic = 5_000;
  let wall = 1_700_000_000_000;
  return {
    clock: systemClock(
      () => monotonic,
      () => wall,
    ),
    run(ms) {
      monotonic += ms;
      wall += ms;
    },
    shiftWall(ms) {
      wall += ms;
    },
  };
}

interface Step {
  readonly run?: number;
  readonly shiftWall?: number;
}

/** What has passed on the clock after each of the steps was read. */
function elapsed(steps: readonly Step[]): number {
  const { clock, run, shiftWall } = machine();
  const start = clock.nowMs();
  let now = start;
  for (const step of steps) {
    run(step.run ?? 0);
    shiftWall(step.shiftWall ?? 0);
    const next = clock.nowMs();
    assert.ok(next >= now, 'the clock ran backwards');
    now = next;
  }
  return now - start;
}

describe('systemClock', () => {
  const cases: readonly { name: string; steps: readonly Step[]; want: number }[] = [
    { name: 'counts the monotonic clock', steps: [{ run: 1_000 }, { run: 500 }], want: 1_500 },
    { name: 'counts the time the machine slept', steps: [{ run: 10 }, { shiftWall: HOUR_MS }, { run: 5 }], want: HOUR_MS + 15 },
    { name: 'counts every sleep', steps: Array<Step>(3).fill({ run: 1, shiftWall: HOUR_MS }), want: 3 * HOUR_MS + 3 },
    { name: 'counts a sleep once', steps: [{ shiftWall: HOUR_MS }, {}, {}, {}], want: HOUR_MS },
    { name: 'ignores a wall clock set back', steps: [{ shiftWall: -HOUR_MS }, { run: 7 }], want: 7 },
    {
      name: 'counts a sleep after the wall clock was set back',
      steps: [{ shiftWall: -HOUR_MS }, { shiftWall: 60_000 }],
      want: 60_000,
    },
    { name: 'takes a wall clock set forward for sleep: keys end early', steps: [{ shiftWall: 1_000 }], want: 1_000 },
    {
      name: 'takes a wall clock set forward and back for sleep',
      steps: [{ shiftWall: 1_000 }, { shiftWall: -1_000 }],
      want: 1_000,
    },
    {
      name: 'ignores jitter of up to 250 ms',
      steps: [{ run: 1, shiftWall: 250 }, { shiftWall: -250 }, { shiftWall: -250 }],
      want: 1,
    },
    { name: 'counts from 251 ms', steps: [{ shiftWall: 251 }], want: 251 },
    { name: 'counts short sleeps that add up, to within 250 ms', steps: Array<Step>(9).fill({ shiftWall: 100 }), want: 900 },
  ];
  for (const { name, steps, want } of cases) it(name, () => assert.equal(elapsed(steps), want));

  it('reads the real clocks where it is given none', () => {
    const clock = systemClock();
    const first = clock.nowMs();
    assert.ok(Number.isFinite(first) && clock.nowMs() >= first);
  });
});
