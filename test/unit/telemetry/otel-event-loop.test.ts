import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventLoopDelay, type TickHistogram } from '../../../src/main/otel-event-loop.ts';
import { FakeClock } from './fake-clock.ts';

class FakeHistogram implements TickHistogram {
  ticksMs: number[] = [];

  get count(): number {
    return this.ticksMs.length;
  }

  get max(): number {
    return Math.max(...this.ticksMs) * 1e6;
  }

  percentile(percentage: number): number {
    const sorted = this.ticksMs.toSorted((a, b) => a - b);
    return (sorted[Math.ceil((percentage / 100) * sorted.length) - 1] ?? 0) * 1e6;
  }

  reset(): void {
    this.ticksMs = [];
  }
}

function reading() {
  const histogram = new FakeHistogram();
  const clock = new FakeClock();
  return { histogram, clock, read: eventLoopDelay(histogram, () => clock.nowMs()) };
}

test("the timer's own period of 20 ms is not delay", () => {
  const { histogram, read } = reading();
  histogram.ticksMs = [19.9, 20, 20, 320];
  assert.deepEqual(read(), { p50Ms: 0, p99Ms: 300, maxMs: 300 });
});

test('without a tick there is no delay', () => {
  assert.deepEqual(reading().read(), { p50Ms: 0, p99Ms: 0, maxMs: 0 });
});

test('readers within ten seconds get the same window, and the next window knows nothing of it', () => {
  const { histogram, clock, read } = reading();
  histogram.ticksMs = [120];
  clock.advance(10_000);
  const first = read();
  histogram.ticksMs = [30];
  clock.advance(9_999);
  assert.deepEqual(read(), first);
  clock.advance(1);
  assert.equal(read().maxMs, 10);
});
