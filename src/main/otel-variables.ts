import { accessSync, constants } from 'node:fs';

const PROTOCOLS = ['grpc', 'http/protobuf'] as const;
export type OtlpProtocol = (typeof PROTOCOLS)[number];

const TRACES_EXPORTERS = ['otlp', 'console', 'none'] as const;
export type TracesExporter = (typeof TRACES_EXPORTERS)[number];

const METRICS_EXPORTERS = ['otlp', 'prometheus', 'none'] as const;
export type MetricsExporter = (typeof METRICS_EXPORTERS)[number];

const PROPAGATORS = ['tracecontext', 'baggage', 'none'] as const;

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

const DIAGNOSTIC_LEVELS = ['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'] as const;
export type DiagnosticLevel = (typeof DIAGNOSTIC_LEVELS)[number];

/** What a variable's value must be. */
interface Form {
  /** In words, after "expected". */
  readonly text: string;
  accepts(value: string): boolean;
}

/** A standard variable of OpenTelemetry that Keyside obeys. */
export interface OtelVariable {
  readonly name: string;
  /** Set where the name also exists with TRACES_ and METRICS_ after OTEL_EXPORTER_OTLP_, for one signal. */
  readonly perSignal?: true;
  readonly form: Form;
  readonly defaultText: string;
  readonly help: string;
}

const OTLP_PREFIX = 'OTEL_EXPORTER_OTLP_';

/** All names of the variable: itself and, where it has them, those for one signal. */
export function namesOf({ name, perSignal }: OtelVariable): readonly string[] {
  if (perSignal === undefined) return [name];
  const ending = name.slice(OTLP_PREFIX.length);
  return [name, `${OTLP_PREFIX}TRACES_${ending}`, `${OTLP_PREFIX}METRICS_${ending}`];
}

function oneOf(values: readonly string[]): Form {
  return { text: `one of ${values.join(', ')}`, accepts: (value) => values.includes(value) };
}

/** Items separated by commas, each once; `none` stands alone. */
function listOf(values: readonly string[]): Form {
  return {
    text: `a comma-separated list of ${values.filter((value) => value !== 'none').join(', ')}; or none`,
    accepts: (value) => {
      const items = splitList(value);
      const isUnique = new Set(items).size === items.length;
      return isUnique && items.every((item) => values.includes(item)) && (items.length === 1 || !items.includes('none'));
    },
  };
}

export function splitList(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}

function integer(min: number): Form {
  return { text: `a whole number, at least ${min}`, accepts: (value) => /^\d{1,12}$/.test(value) && Number(value) >= min };
}

const RATIO: Form = {
  text: 'a number from 0 to 1',
  accepts: (value) => /^(0|1|0?\.\d+|[01]\.\d+)$/.test(value) && Number(value) <= 1,
};

const ENDPOINT: Form = {
  text: 'a URL that begins with http:// or https://',
  accepts: (value) => /^https?:\/\//i.test(value) && URL.canParse(value),
};

const FILE: Form = { text: 'the path of a file that can be read', accepts: isReadable };

const PAIRS: Form = {
  text: 'key=value pairs separated by commas, percent-encoded',
  accepts: (value) => parsePairs(value) !== undefined,
};

const TEXT: Form = { text: 'text', accepts: () => true };

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The pairs of `OTEL_RESOURCE_ATTRIBUTES` or of headers, decoded; undefined where one is not of its form. */
export function parsePairs(value: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (const item of splitList(value).filter((text) => text !== '')) {
    const at = item.indexOf('=');
    if (at <= 0) return undefined;
    try {
      pairs.set(decodeURIComponent(item.slice(0, at).trim()), decodeURIComponent(item.slice(at + 1).trim()));
    } catch {
      return undefined;
    }
  }
  return pairs;
}

/** Every variable Keyside obeys; `docs/telemetry.md` lists them from here. Others are ignored. */
export const OTEL_VARIABLES: readonly OtelVariable[] = [
  {
    name: 'OTEL_SDK_DISABLED',
    form: oneOf(['true', 'false']),
    defaultText: 'false',
    help: 'true: nothing is exported, whatever else is set.',
  },
  {
    name: 'OTEL_TRACES_EXPORTER',
    form: listOf(TRACES_EXPORTERS),
    defaultText: 'otlp where an endpoint for traces is set, else none',
    help: 'Where traces go. console prints them on standard output, for a look by hand.',
  },
  {
    name: 'OTEL_METRICS_EXPORTER',
    form: listOf(METRICS_EXPORTERS),
    defaultText: 'otlp where an endpoint for metrics is set, else none',
    help: 'Where metrics go. prometheus serves them on /metrics.',
  },
  { name: 'OTEL_SERVICE_NAME', form: TEXT, defaultText: 'keyside', help: 'service.name of the resource.' },
  { name: 'OTEL_RESOURCE_ATTRIBUTES', form: PAIRS, defaultText: '', help: 'More attributes of the resource.' },
  {
    name: 'OTEL_PROPAGATORS',
    form: listOf(PROPAGATORS),
    defaultText: 'tracecontext,baggage',
    help: "tracecontext: callers' traces are continued. baggage is accepted and has no effect: Keyside hands none on.",
  },
  { name: 'OTEL_TRACES_SAMPLER', form: oneOf(SAMPLERS), defaultText: 'parentbased_always_on', help: 'Which traces are sampled.' },
  { name: 'OTEL_TRACES_SAMPLER_ARG', form: RATIO, defaultText: '1', help: 'The share that the traceidratio samplers take.' },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    perSignal: true,
    form: ENDPOINT,
    defaultText: 'http://localhost:4318, for grpc http://localhost:4317',
    help: 'The receiver. Over http/protobuf the general one gets v1/traces or v1/metrics appended, one for a signal is used as it is.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    perSignal: true,
    form: oneOf(PROTOCOLS),
    defaultText: 'http/protobuf',
    help: 'How it is sent.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    perSignal: true,
    form: PAIRS,
    defaultText: '',
    help: 'Headers sent along, such as a token.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_TIMEOUT',
    perSignal: true,
    form: integer(1),
    defaultText: '10000',
    help: 'Milliseconds for one export.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_COMPRESSION',
    perSignal: true,
    form: oneOf(['gzip', 'none']),
    defaultText: 'none',
    help: 'Compression of what is sent.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
    perSignal: true,
    form: FILE,
    defaultText: 'the system’s',
    help: 'Certificates the receiver is trusted by (PEM).',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
    perSignal: true,
    form: FILE,
    defaultText: '',
    help: "The daemon's own certificate (PEM), for mTLS.",
  },
  { name: 'OTEL_EXPORTER_OTLP_CLIENT_KEY', perSignal: true, form: FILE, defaultText: '', help: 'Its private key (PEM).' },
  {
    name: 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    form: oneOf(['cumulative', 'delta', 'lowmemory']),
    defaultText: 'cumulative',
    help: 'Whether sums are since the start or since the last export.',
  },
  {
    name: 'OTEL_METRIC_EXPORT_INTERVAL',
    form: integer(1),
    defaultText: '60000',
    help: 'Milliseconds between exports of metrics.',
  },
  {
    name: 'OTEL_METRIC_EXPORT_TIMEOUT',
    form: integer(1),
    defaultText: '30000, at most the interval',
    help: 'Milliseconds for one export.',
  },
  {
    name: 'OTEL_BSP_SCHEDULE_DELAY',
    form: integer(1),
    defaultText: '5000',
    help: 'Milliseconds spans wait to be sent together.',
  },
  { name: 'OTEL_BSP_EXPORT_TIMEOUT', form: integer(1), defaultText: '30000', help: 'Milliseconds for one export of spans.' },
  { name: 'OTEL_BSP_MAX_QUEUE_SIZE', form: integer(1), defaultText: '2048', help: 'Spans waiting; more are dropped.' },
  { name: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', form: integer(1), defaultText: '512', help: 'Spans sent together.' },
  {
    name: 'OTEL_LOG_LEVEL',
    form: oneOf(DIAGNOSTIC_LEVELS),
    defaultText: 'warn',
    help: "What OpenTelemetry's SDK says of itself in the daemon's log.",
  },
];
