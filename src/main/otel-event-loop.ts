import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { EventLoopDelay } from '../telemetry/otel-metrics.ts';

const RESOLUTION_MS = 20;
const MIN_WINDOW_MS = 10_000;
const NS_PER_MS = 1e6;

/** A histogram of the times between ticks of a timer, in nanoseconds: `node:perf_hooks` gives one. */
export interface TickHistogram {
  readonly count: number;
  readonly max: number;
  percentile(percentage: number): number;
  reset(): void;
}

/** Starts measuring; the timer does not keep the process alive. */
export function startEventLoopDelay(): { read(): EventLoopDelay; stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return { read: eventLoopDelay(histogram, () => performance.now()), stop: () => void histogram.disable() };
}

/**
 * Reads the delay over the last window of at least ten seconds, so that two readers of the metrics do not cut each other's time
 * short. The histogram counts a tick that was on time as the timer's own period, which is taken off.
 */
export function eventLoopDelay(histogram: TickHistogram, nowMs: () => number): () => EventLoopDelay {
  let startedMs = nowMs();
  let last: EventLoopDelay | undefined;
  return () => {
    const isOver = nowMs() - startedMs >= MIN_WINDOW_MS;
    if (last !== undefined && !isOver) return last;
    const read = histogram.count === 0 ? { p50Ms: 0, p99Ms: 0, maxMs: 0 } : lateness(histogram);
    if (isOver) {
      histogram.reset();
      startedMs = nowMs();
      last = read;
    }
    return read;
  };
}

function lateness(histogram: TickHistogram): EventLoopDelay {
  const late = (ns: number): number => Math.max(ns / NS_PER_MS - RESOLUTION_MS, 0);
  return { p50Ms: late(histogram.percentile(50)), p99Ms: late(histogram.percentile(99)), maxMs: late(histogram.max) };
}
