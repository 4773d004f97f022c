import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Resource } from '@opentelemetry/resources';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { NO_TELEMETRY, type Telemetry } from '../telemetry/telemetry.ts';
import { type Environment, type OtelSettings, readOtelEnvironment } from './otel-environment.ts';
import type { MeteringOptions, StartedMetering } from './otel-metering.ts';
import type { SignalOptions, StartedTracing } from './otel-tracing.ts';

const DEFAULT_SHUTDOWN_TIMEOUT_MS = 5000;
const DEFAULT_PLACES = 50;

export interface TelemetryOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** The daemon's version. */
  readonly version: string;
  /** How many tenants metrics name at once; 0 names none. Default 50. */
  readonly metricsTenants?: number;
  /** Whether `/metrics` names tenants. Default false: every tenant is `all` there. Metrics pushed by OTLP name them either way. */
  readonly metricsShowTenants?: boolean;
  /** The number of this process where the daemon is several. */
  readonly process?: number | undefined;
  /** How long `shutdown` waits for the last export. Default 5 s. */
  readonly shutdownTimeoutMs?: number;
}

export interface StartedTelemetry {
  readonly telemetry: Telemetry;
  /** Metrics in Prometheus's text format; absent where `OTEL_METRICS_EXPORTER` has no `prometheus`. */
  readonly collectMetrics?: () => Promise<string>;
  /** Exports what is left, within the time there is. Never rejects. Afterwards measuring is harmless and useless. */
  shutdown(): Promise<void>;
}

/**
 * Starts telemetry as OpenTelemetry's standard variables say. Where they ask for nothing it is off, and nothing of OpenTelemetry is
 * loaded. Nothing global is set but the SDK's diagnostic logger.
 *
 * Precondition: `environment` is the process's own, since the SDK reads endpoints, headers and limits from there itself.
 * @throws {OtelEnvironmentError} naming every variable that cannot be obeyed
 */
export async function startTelemetry(environment: Environment, options: TelemetryOptions): Promise<StartedTelemetry> {
  const settings = readOtelEnvironment(environment);
  if (settings === undefined) return { telemetry: NO_TELEMETRY, shutdown: async () => undefined };
  const { logDiagnostics } = await import('./otel-diagnostics.ts');
  logDiagnostics({ logger: options.logger, clock: options.clock, level: settings.diagnosticLevel });
  const signal = { resource: await makeResource(settings, options), logger: options.logger, version: options.version };
  const tracing = await startTraces(settings, signal);
  const metering = await startMetrics(settings, {
    ...signal,
    clock: options.clock,
    places: options.metricsTenants ?? DEFAULT_PLACES,
    servesTenants: options.metricsShowTenants ?? false,
  });
  const { OtelTelemetry } = await import('../telemetry/otel-telemetry.ts');
  const stops = [tracing?.shutdown, metering?.shutdown].filter((stop) => stop !== undefined);
  return {
    telemetry: new OtelTelemetry({ tracing: tracing?.tracing, metrics: metering?.metrics }),
    ...(metering?.collectMetrics === undefined ? {} : { collectMetrics: metering.collectMetrics }),
    shutdown: () => stopWithin(options.shutdownTimeoutMs ?? DEFAULT_SHUTDOWN_TIMEOUT_MS, stops),
  };
}

/**
 * Loads what `startTelemetry` will.
 * @throws {OtelEnvironmentError} as it does
 */
export async function loadTelemetry(environment: Environment): Promise<void> {
  const settings = readOtelEnvironment(environment);
  if (settings === undefined) return;
  await Promise.all([
    import('./otel-diagnostics.ts'),
    import('../telemetry/otel-telemetry.ts'),
    import('@opentelemetry/resources'),
    settings.traces.exporters.length > 0 ? import('./otel-tracing.ts') : undefined,
    settings.metrics.exporters.length > 0 ? import('./otel-metering.ts') : undefined,
    settings.metrics.exporters.includes('prometheus') ? import('./otel-exposition.ts') : undefined,
  ]);
}

async function makeResource(settings: OtelSettings, { version, process: number }: TelemetryOptions): Promise<Resource> {
  const { defaultResource, resourceFromAttributes } = await import('@opentelemetry/resources');
  const own = { 'service.version': version, 'service.instance.id': randomUUID(), 'host.name': hostname() };
  const configured = settings.resource.get('service.instance.id');
  // An id from the environment is the same for all processes, and what they push under one name overwrites each other.
  const distinct = configured === undefined || number === undefined ? {} : { 'service.instance.id': `${configured}.${number}` };
  return defaultResource().merge(resourceFromAttributes({ ...own, ...Object.fromEntries(settings.resource), ...distinct }));
}

async function startTraces(settings: OtelSettings, signal: SignalOptions): Promise<StartedTracing | undefined> {
  if (settings.traces.exporters.length === 0) return undefined;
  const { startTracing } = await import('./otel-tracing.ts');
  return startTracing(settings.traces, signal);
}

async function startMetrics(settings: OtelSettings, options: MeteringOptions): Promise<StartedMetering | undefined> {
  if (settings.metrics.exporters.length === 0) return undefined;
  const { startMetering } = await import('./otel-metering.ts');
  return startMetering(settings.metrics, options);
}

/** Runs all at once and waits for all to settle or for the time to pass. What fails has been logged where it failed. */
async function stopWithin(timeoutMs: number, stops: readonly (() => Promise<void>)[]): Promise<void> {
  const settled = Promise.allSettled(stops.map((stop) => stop()));
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, timeoutMs);
  await Promise.race([settled, timeout.promise]);
  clearTimeout(timer);
}
