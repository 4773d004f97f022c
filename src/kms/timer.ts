import type { Clock } from '../core/clock.ts';

/** Time limits need a clock and an alarm; tests bring their own. */
export interface Timer extends Clock {
  /** Calls back once, `ms` from now, unless the returned function is called first. */
  after(ms: number, callback: () => void): () => void;
}

/** The system's timer. `clock` tells the time; alarms are the event loop's. */
export function systemTimer(clock: Clock): Timer {
  return {
    nowMs: () => clock.nowMs(),
    after(ms, callback) {
      const handle = setTimeout(callback, ms);
      return () => clearTimeout(handle);
    },
  };
}
