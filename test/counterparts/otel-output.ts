/** Reads the OTLP JSON that a Collector wrote, as far as tests and the documentation need it. */

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** OTLP's numbers: 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Attributes;
  readonly durationMs: number;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly resource: Attributes;
}

export interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly OtlpPoint[];
}

/** Of a histogram the count and the bounds of its buckets, else the value. */
export interface OtlpPoint {
  readonly attributes: Attributes;
  readonly value?: number;
  readonly count?: number;
  readonly bounds?: readonly number[];
}

export type Attributes = Readonly<Record<string, string | number | boolean>>;

// The shapes below are those of opentelemetry-proto's JSON encoding (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
interface WireAttribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: string;
    readonly doubleValue?: number;
    readonly boolValue?: boolean;
  };
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly WireAttribute[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: OtlpSpan['status'];
}

interface WirePoint {
  readonly attributes?: readonly WireAttribute[];
  readonly count?: string;
  readonly explicitBounds?: readonly number[];
  readonly asInt?: string;
  readonly asDouble?: number;
}

interface WireMetric {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: { readonly dataPoints: readonly WirePoint[] };
  readonly gauge?: { readonly dataPoints: readonly WirePoint[] };
  readonly histogram?: { readonly dataPoints: readonly WirePoint[] };
}

interface WireTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly WireAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WireMetrics {
  readonly resourceMetrics: readonly { readonly scopeMetrics: readonly { readonly metrics: readonly WireMetric[] }[] }[];
}

export function spansOf(requests: readonly unknown[]): OtlpSpan[] {
  return (requests as readonly WireTraces[])
    .flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((span) => readSpan(span, attributesOf(resource.attributes)))),
    );
}

function readSpan(span: WireSpan, resource: Attributes): OtlpSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    name: span.name,
    kind: span.kind,
    attributes: attributesOf(span.attributes),
    durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
    status: span.status ?? {},
    resource,
  };
}

export function metricsOf(requests: readonly unknown[]): OtlpMetric[] {
  return (requests as readonly WireMetrics[])
    .flatMap(({ resourceMetrics }) => resourceMetrics)
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics }) => metrics)
    .map((metric) => ({
      name: metric.name,
      unit: metric.unit ?? '',
      points: ((metric.sum ?? metric.gauge ?? metric.histogram)?.dataPoints ?? []).map(readPoint),
    }));
}

function readPoint({ attributes, count, explicitBounds, asInt, asDouble }: WirePoint): OtlpPoint {
  if (count !== undefined) return { attributes: attributesOf(attributes), count: Number(count), bounds: explicitBounds ?? [] };
  return { attributes: attributesOf(attributes), value: Number(asInt ?? asDouble) };
}

function attributesOf(attributes: readonly WireAttribute[] = []): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? (value.intValue === undefined ? '' : Number(value.intValue)),
    ]),
  );
}

const KINDS = ['', '', 'server', 'client'] as const;

/** The spans as a tree in text, one a line with its duration and attributes, children below their parent in the order given. */
export function spanTree(spans: readonly OtlpSpan[]): string {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const lines = (parent: string | undefined, depth: number): string[] =>
    spans
      .filter(({ parentSpanId }) => (parent === undefined ? !ids.has(parentSpanId ?? '') : parentSpanId === parent))
      .flatMap((span) => [spanLine(span, depth), ...lines(span.spanId, depth + 1)]);
  return `${lines(undefined, 0).join('\n')}\n`;
}

function spanLine(span: OtlpSpan, depth: number): string {
  const kind = KINDS[span.kind] ? ` [${KINDS[span.kind]}]` : '';
  const status = span.status.code === 2 ? ` ERROR${span.status.message === undefined ? '' : ` "${span.status.message}"`}` : '';
  const attributes = Object.entries(span.attributes).map(([name, value]) => ` ${name}=${value}`);
  return `${'  '.repeat(depth)}${span.name}${kind} ${span.durationMs.toFixed(2)} ms${status}${attributes.join('')}`;
}
