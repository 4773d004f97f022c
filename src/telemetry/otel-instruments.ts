import { type Attributes, type Histogram, type Meter, type MetricOptions, ROOT_CONTEXT, ValueType } from '@opentelemetry/api';
import type { LabelledCounter } from './labelled-counter.ts';
import { DURATION_BUCKETS, type MetricDefinition } from './names.ts';

/** What an instrument of OpenTelemetry is made with, by its row of the table. */
export function described(metric: MetricDefinition, valueType = ValueType.DOUBLE): MetricOptions {
  return { unit: metric.unit, description: metric.help, valueType };
}

export function histogram(meter: Meter, metric: MetricDefinition): Histogram {
  return meter.createHistogram(metric.name, {
    ...described(metric),
    advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
  });
}

export function counter(meter: Meter, metric: MetricDefinition, cells: LabelledCounter): void {
  meter.createObservableCounter(metric.name, described(metric, ValueType.INT)).addCallback((result) => cells.observe(result));
}

/** The API's default context would be looked up for every measurement; nothing of it is used here. */
export function recordMs(instrument: Histogram, durationMs: number, labels: Attributes): void {
  if (durationMs >= 0) instrument.record(durationMs / 1000, labels, ROOT_CONTEXT);
}
