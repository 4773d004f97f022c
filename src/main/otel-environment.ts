import {
  type DiagnosticLevel,
  type MetricsExporter,
  namesOf,
  OTEL_VARIABLES,
  type OtlpProtocol,
  parsePairs,
  type SamplerName,
  splitList,
  type TracesExporter,
} from './otel-variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment asks for. An empty list of exporters is off. */
export interface OtelSettings {
  readonly traces: {
    readonly exporters: readonly Exclude<TracesExporter, 'none'>[];
    readonly protocol: OtlpProtocol;
    /** Whether callers' W3C trace context is continued. */
    readonly continuesCallers: boolean;
    readonly sampler: SamplerName;
    /** What the `traceidratio` samplers take, from 0 to 1. */
    readonly sampledShare: number;
  };
  readonly metrics: {
    readonly exporters: readonly Exclude<MetricsExporter, 'none'>[];
    readonly protocol: OtlpProtocol;
    readonly exportIntervalMs: number;
    readonly exportTimeoutMs: number;
  };
  /** `service.name` and what `OTEL_RESOURCE_ATTRIBUTES` adds. */
  readonly resource: ReadonlyMap<string, string>;
  readonly diagnosticLevel: DiagnosticLevel;
}

/** Variables that cannot be obeyed. Its message names each, one a line, and repeats no value: one may be a token. */
export class OtelEnvironmentError extends Error {
  override readonly name = 'OtelEnvironmentError';
  /** At least one. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Reads OpenTelemetry's standard variables. An empty variable is an unset one. Undefined where everything is off.
 * @throws {OtelEnvironmentError} naming every variable whose value is not of its form, all at once
 */
export function readOtelEnvironment(environment: Environment): OtelSettings | undefined {
  const read = (name: string): string | undefined => environment[name]?.trim() || undefined;
  if (read('OTEL_SDK_DISABLED') === 'true') return undefined;
  const wrongByThemselves = faultyForms(read);
  const faults = wrongByThemselves.length > 0 ? wrongByThemselves : faultyPairs(read);
  if (faults.length > 0) throw new OtelEnvironmentError(faults);
  const settings = settingsFrom(read);
  return settings.traces.exporters.length + settings.metrics.exporters.length === 0 ? undefined : settings;
}

type Read = (name: string) => string | undefined;

function faultyForms(read: Read): string[] {
  return OTEL_VARIABLES.flatMap((variable) =>
    namesOf(variable).flatMap((name) => {
      const value = read(name);
      return value === undefined || variable.form.accepts(value) ? [] : [`${name}: expected ${variable.form.text}`];
    }),
  );
}

/** Values that are right by themselves and wrong together. */
function faultyPairs(read: Read): string[] {
  const pairs = [
    ['OTEL_METRIC_EXPORT_TIMEOUT', 'OTEL_METRIC_EXPORT_INTERVAL'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'OTEL_BSP_MAX_QUEUE_SIZE'],
  ] as const;
  return pairs
    .filter(([smaller, larger]) => Number(read(smaller) ?? 0) > Number(read(larger) ?? Number.POSITIVE_INFINITY))
    .map(([smaller, larger]) => `${smaller}: expected at most ${larger}`);
}

function settingsFrom(read: Read): OtelSettings {
  const exportIntervalMs = Number(read('OTEL_METRIC_EXPORT_INTERVAL') ?? DEFAULT_INTERVAL_MS);
  return {
    traces: {
      exporters: exportersOf<TracesExporter>(read, 'TRACES'),
      protocol: protocolOf(read, 'TRACES'),
      continuesCallers: splitList(read('OTEL_PROPAGATORS') ?? 'tracecontext').includes('tracecontext'),
      sampler: (read('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on') as SamplerName,
      sampledShare: Number(read('OTEL_TRACES_SAMPLER_ARG') ?? 1),
    },
    metrics: {
      exporters: exportersOf<MetricsExporter>(read, 'METRICS'),
      protocol: protocolOf(read, 'METRICS'),
      exportIntervalMs,
      exportTimeoutMs: Math.min(Number(read('OTEL_METRIC_EXPORT_TIMEOUT') ?? DEFAULT_TIMEOUT_MS), exportIntervalMs),
    },
    resource: resourceOf(read),
    diagnosticLevel: (read('OTEL_LOG_LEVEL') ?? 'warn') as DiagnosticLevel,
  };
}

type Signal = 'TRACES' | 'METRICS';

/** Precondition: the form was checked, so every item is an exporter. An endpoint that is set switches its signal on. */
function exportersOf<Exporter extends string>(read: Read, signal: Signal): Exclude<Exporter, 'none'>[] {
  const hasEndpoint = (read(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`) ?? read('OTEL_EXPORTER_OTLP_ENDPOINT')) !== undefined;
  const items = splitList(read(`OTEL_${signal}_EXPORTER`) ?? (hasEndpoint ? 'otlp' : 'none'));
  return items.filter((item) => item !== 'none') as Exclude<Exporter, 'none'>[];
}

function protocolOf(read: Read, signal: Signal): OtlpProtocol {
  const value = read(`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`) ?? read('OTEL_EXPORTER_OTLP_PROTOCOL');
  return (value ?? 'http/protobuf') as OtlpProtocol;
}

function resourceOf(read: Read): ReadonlyMap<string, string> {
  const attributes = parsePairs(read('OTEL_RESOURCE_ATTRIBUTES') ?? '') ?? [];
  const serviceName = read('OTEL_SERVICE_NAME');
  return new Map([
    ['service.name', 'keyside'],
    ...attributes,
    ...(serviceName === undefined ? [] : [['service.name', serviceName] as const]),
  ]);
}
