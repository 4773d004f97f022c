import type { MetricDefinition } from './names.ts';

const UNIT_SUFFIXES: ReadonlyMap<string, string> = new Map([
  ['s', '_seconds'],
  ['By', '_bytes'],
]);

/**
 * The metric's name on `/metrics`, without the `_total` that counters get there: dots become underscores and the unit is appended, as
 * a Collector's Prometheus exporter does (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"), so that one
 * dashboard serves both ways.
 */
export function prometheusName(metric: MetricDefinition): string {
  return `${metric.name.replaceAll('.', '_')}${UNIT_SUFFIXES.get(metric.unit) ?? ''}`;
}
