import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplingOf } from '../../../src/main/otel-sampling.ts';
import type { SamplerName } from '../../../src/main/otel-variables.ts';

/** The sampler by ids takes the first at every share above 0, the second at none below 1. */
const LOWEST_ID = `${'0'.repeat(31)}1`;
const HIGHEST_ID = `${'0'.repeat(24)}ffffffff`;

const rules: { sampler: SamplerName; takesNew: boolean; takesUnsampledCallers: boolean; takesSampledCallers: boolean }[] = [
  { sampler: 'always_on', takesNew: true, takesUnsampledCallers: true, takesSampledCallers: true },
  { sampler: 'always_off', takesNew: false, takesUnsampledCallers: false, takesSampledCallers: false },
  { sampler: 'parentbased_always_on', takesNew: true, takesUnsampledCallers: false, takesSampledCallers: true },
  { sampler: 'parentbased_always_off', takesNew: false, takesUnsampledCallers: false, takesSampledCallers: true },
];

for (const { sampler, takesNew, takesUnsampledCallers, takesSampledCallers } of rules) {
  test(`${sampler} ${takesNew ? 'takes' : 'leaves'} new traces, and of callers' the ${takesUnsampledCallers ? 'unsampled' : takesSampledCallers ? 'sampled only' : 'none'}`, () => {
    const sampling = samplingOf(sampler, 1);
    for (let asked = 0; asked < 100; asked += 1) assert.equal(sampling.samplesNew(), takesNew);
    for (const traceId of [LOWEST_ID, HIGHEST_ID]) {
      assert.equal(sampling.samplesCallers({ traceId, isSampled: false }), takesUnsampledCallers);
      assert.equal(sampling.samplesCallers({ traceId, isSampled: true }), takesSampledCallers);
    }
  });
}

for (const sampler of ['traceidratio', 'parentbased_traceidratio'] as const) {
  test(`${sampler} takes its share of new traces: none, some, all`, () => {
    const taken = (share: number): number => {
      const sampling = samplingOf(sampler, share);
      return Array.from({ length: 20_000 }, () => sampling.samplesNew()).filter(Boolean).length;
    };
    assert.equal(taken(0), 0);
    assert.equal(taken(1), 20_000);
    // Twelve standard deviations to either side of a hundredth.
    assert.ok(Math.abs(taken(0.01) - 200) < 170);
  });
}

test("traceidratio judges a caller's trace by its id, whatever the caller did; parentbased_traceidratio does what the caller did", () => {
  const [anew, followed] = [samplingOf('traceidratio', 0.5), samplingOf('parentbased_traceidratio', 0.5)];
  for (const isSampled of [true, false]) {
    assert.equal(anew.samplesCallers({ traceId: LOWEST_ID, isSampled }), true);
    assert.equal(anew.samplesCallers({ traceId: HIGHEST_ID, isSampled }), false);
    for (const traceId of [LOWEST_ID, HIGHEST_ID]) assert.equal(followed.samplesCallers({ traceId, isSampled }), isSampled);
  }
});
