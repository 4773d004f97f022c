import type { Resource } from '@opentelemetry/resources';
import type { SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/otel-telemetry.ts';
import { ExportWatch } from './otel-diagnostics.ts';
import type { OtelSettings } from './otel-environment.ts';
import type { OtlpProtocol } from './otel-variables.ts';

/** What traces and metrics have in common. */
export interface SignalOptions {
  readonly resource: Resource;
  readonly logger: Logger;
  /** The daemon's version, for the instrumentation scope. */
  readonly version: string;
}

export interface StartedTracing {
  readonly tracing: Tracing;
  /** Sends what is buffered. */
  shutdown(): Promise<void>;
}

/**
 * Builds the tracer; nothing global is set. The SDK reads its limits, batch and exporter variables itself. Its sampler takes all that it is
 * shown: the façade decides, and shows it sampled requests only.
 */
export async function startTracing(settings: OtelSettings['traces'], options: SignalOptions): Promise<StartedTracing> {
  const { AlwaysOnSampler, BasicTracerProvider } = await import('@opentelemetry/sdk-trace-node');
  const spanProcessors = await Promise.all(
    settings.exporters.map((name) => makeProcessor(name, settings.protocol, options.logger)),
  );
  const provider = new BasicTracerProvider({ sampler: new AlwaysOnSampler(), resource: options.resource, spanProcessors });
  const { parseTraceParent, W3CTraceContextPropagator } = await import('@opentelemetry/core');
  const { samplingOf } = await import('./otel-sampling.ts');
  return {
    tracing: {
      tracer: provider.getTracer('keyside', options.version),
      sampling: samplingOf(settings.sampler, settings.sampledShare),
      callers: settings.continuesCallers ? { parse: parseTraceParent, propagator: new W3CTraceContextPropagator() } : undefined,
    },
    shutdown: () => provider.shutdown(),
  };
}

async function makeProcessor(name: 'otlp' | 'console', protocol: OtlpProtocol, logger: Logger): Promise<SpanProcessor> {
  const { BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor } = await import('@opentelemetry/sdk-trace-node');
  if (name === 'console') return new SimpleSpanProcessor(new ConsoleSpanExporter());
  return new BatchSpanProcessor(watched(await makeOtlpExporter(protocol), new ExportWatch('traces', logger)));
}

async function makeOtlpExporter(protocol: OtlpProtocol): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'grpc'
      ? await import('@opentelemetry/exporter-trace-otlp-grpc')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function watched(exporter: SpanExporter, watch: ExportWatch): SpanExporter {
  return {
    export: (spans, done) => watch.watch(spans, (items, settled) => exporter.export(items, settled), done),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
