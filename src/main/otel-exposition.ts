import { diag } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { MetricReader } from '@opentelemetry/sdk-metrics';

/** A reader of metrics that is asked for them: it has no server of its own. */
export interface Exposition {
  readonly reader: MetricReader;
  /** What the reader finds, in Prometheus's text format. */
  readonly collect: () => Promise<string>;
}

export function makeExposition(): Exposition {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const collect = async (): Promise<string> => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) diag.error('a metric could not be collected', String(errors[0]));
    return serializer.serialize(resourceMetrics);
  };
  return { reader, collect };
}
