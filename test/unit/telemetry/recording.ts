import { parseTraceParent, W3CTraceContextPropagator } from '@opentelemetry/core';
import { AggregationTemporality, type DataPoint, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import type { Tracing } from '../../../src/telemetry/otel-telemetry.ts';

/** A tracer that keeps its spans: of new traces all or none, of callers' those that are sampled. */
export function recordingTracing(sampled: 'all' | 'none'): { tracing: Tracing; spans(): readonly ReadableSpan[] } {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  return {
    tracing: {
      tracer: provider.getTracer('test'),
      sampling: { samplesNew: () => sampled === 'all', samplesCallers: ({ isSampled }) => isSampled },
      callers: { parse: parseTraceParent, propagator: new W3CTraceContextPropagator() },
    },
    spans: () => exporter.getFinishedSpans(),
  };
}

class OnDemandReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number | Histogram;
}

/** A meter whose metrics are collected when asked for, by name. */
export class RecordingMeter {
  readonly #reader = new OnDemandReader({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
  readonly meter = new MeterProvider({ readers: [this.#reader] }).getMeter('test');

  async collect(): Promise<ReadonlyMap<string, { readonly unit: string; readonly points: readonly Point[] }>> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw errors[0];
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return new Map(
      metrics.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        {
          unit: descriptor.unit,
          points: (dataPoints as DataPoint<number | Histogram>[]).map(({ attributes, value }) => ({ attributes, value })),
        },
      ]),
    );
  }
}
