/** Time for lifetimes of keys: milliseconds from an arbitrary start, never running backwards, counting time asleep. */
export interface Clock {
  nowMs(): number;
}

/** A jump of the wall clock against the monotonic one beyond this is time asleep (or a step forward: then keys end early). */
const JUMP_MS = 250;

/**
 * The system's clock. Linux's monotonic clock stops while the machine sleeps and Node shows no other, so a jump of the wall clock
 * against it is counted as time that has passed. A wall clock set back is ignored.
 */
export function systemClock(monotonicMs: () => number = () => performance.now(), wallMs: () => number = () => Date.now()): Clock {
  let offset = wallMs() - monotonicMs();
  let asleepMs = 0;
  return {
    nowMs(): number {
      const monotonic = monotonicMs();
      const jump = wallMs() - monotonic - offset;
      if (jump > JUMP_MS || jump < -JUMP_MS) {
        offset += jump;
        if (jump > 0) asleepMs += jump;
      }
      return monotonic + asleepMs;
    },
  };
}
