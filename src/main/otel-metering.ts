import type { MeterProvider, PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { Clock } from '../core/clock.ts';
import { bothMetrics } from '../telemetry/both-metrics.ts';
import { METRICS } from '../telemetry/names.ts';
import { OtelMetrics, type OtelMetricsOptions } from '../telemetry/otel-metrics.ts';
import { prometheusName } from '../telemetry/prometheus-names.ts';
import type { Metrics } from '../telemetry/telemetry.ts';
import { BusiestTenants, HIDDEN_TENANTS, type TenantLabels } from '../telemetry/tenant-labels.ts';
import { ExportWatch } from './otel-diagnostics.ts';
import type { OtelSettings } from './otel-environment.ts';
import { startEventLoopDelay } from './otel-event-loop.ts';
import type { SignalOptions } from './otel-tracing.ts';
import type { OtlpProtocol } from './otel-variables.ts';

/** Label sets of one metric since the start; further ones are summed under `otel.metric.overflow`. */
const MAX_LABEL_SETS = 5000;

export interface MeteringOptions extends SignalOptions {
  readonly clock: Clock;
  /** How many tenants metrics name at once. */
  readonly places: number;
  /** Whether `/metrics` names tenants. */
  readonly servesTenants: boolean;
}

export interface StartedMetering {
  readonly metrics: Metrics;
  /** Absent where metrics are not served. */
  readonly collectMetrics?: () => Promise<string>;
  /** Sends what was measured since the last export. */
  shutdown(): Promise<void>;
}

/** Starts the exporters of metrics: each has a meter of its own, because the two name metrics and tenants differently. */
export async function startMetering(settings: OtelSettings['metrics'], options: MeteringOptions): Promise<StartedMetering> {
  const { clock, places, servesTenants } = options;
  const eventLoop = startEventLoopDelay();
  const parts = (tenantLabels: TenantLabels): MeterParts => ({ ...options, tenantLabels, eventLoopDelay: eventLoop.read });
  const busiest = (): TenantLabels => new BusiestTenants({ clock, places });
  const started: StartedMetering[] = [];
  for (const exporter of settings.exporters) {
    started.push(
      exporter === 'otlp'
        ? await startPushing(settings, parts(busiest()))
        : await startServing(parts(servesTenants ? busiest() : HIDDEN_TENANTS)),
    );
  }
  const collectMetrics = started.find((each) => each.collectMetrics !== undefined)?.collectMetrics;
  return {
    metrics: started.map(({ metrics }) => metrics).reduce((first, second) => bothMetrics(first, second)),
    ...(collectMetrics === undefined ? {} : { collectMetrics }),
    shutdown: async () => {
      eventLoop.stop();
      await Promise.all(started.map((each) => each.shutdown()));
    },
  };
}

/** What one meter is made of. */
interface MeterParts extends SignalOptions, Omit<OtelMetricsOptions, 'meter'> {}

/** Metrics pushed by OTLP. The exporter reads its own variables. */
async function startPushing(settings: OtelSettings['metrics'], parts: MeterParts): Promise<StartedMetering> {
  const { MeterProvider, PeriodicExportingMetricReader } = await import('@opentelemetry/sdk-metrics');
  const exporter = watched(await makeOtlpExporter(settings.protocol), new ExportWatch('metrics', parts.logger));
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: settings.exportIntervalMs,
    exportTimeoutMillis: settings.exportTimeoutMs,
  });
  const views = [METRICS.requestDuration, METRICS.kmsCallDuration].map(({ name }) => ({
    instrumentName: name,
    aggregationCardinalityLimit: MAX_LABEL_SETS,
  }));
  return startMeter(new MeterProvider({ resource: parts.resource, readers: [reader], views }), parts);
}

/** Metrics served to Prometheus, on no server of their own: they are asked for. Names there carry their unit. */
async function startServing(parts: MeterParts): Promise<StartedMetering> {
  const { MeterProvider } = await import('@opentelemetry/sdk-metrics');
  const { makeExposition } = await import('./otel-exposition.ts');
  const { reader, collect } = makeExposition();
  const views = Object.values(METRICS).map((metric) => ({
    instrumentName: metric.name,
    name: prometheusName(metric),
    aggregationCardinalityLimit: MAX_LABEL_SETS,
  }));
  return {
    ...startMeter(new MeterProvider({ resource: parts.resource, readers: [reader], views }), parts),
    collectMetrics: collect,
  };
}

function startMeter(provider: MeterProvider, parts: MeterParts): StartedMetering {
  const { tenantLabels, eventLoopDelay } = parts;
  const meter = provider.getMeter('keyside', parts.version);
  return { metrics: new OtelMetrics({ meter, tenantLabels, eventLoopDelay }), shutdown: () => provider.shutdown() };
}

async function makeOtlpExporter(protocol: OtlpProtocol): Promise<PushMetricExporter> {
  const { OTLPMetricExporter } =
    protocol === 'grpc'
      ? await import('@opentelemetry/exporter-metrics-otlp-grpc')
      : await import('@opentelemetry/exporter-metrics-otlp-proto');
  return new OTLPMetricExporter();
}

function watched(exporter: PushMetricExporter, watch: ExportWatch): PushMetricExporter {
  const { selectAggregation, selectAggregationTemporality } = exporter;
  return {
    export: (metrics, done) => watch.watch(metrics, (items, settled) => exporter.export(items, settled), done),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    ...(selectAggregation === undefined ? {} : { selectAggregation: selectAggregation.bind(exporter) }),
    ...(selectAggregationTemporality === undefined
      ? {}
      : { selectAggregationTemporality: selectAggregationTemporality.bind(exporter) }),
  };
}
