import {
  type Attributes as OtelAttributes,
  ROOT_CONTEXT,
  SpanKind,
  type TextMapGetter,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api';
import { RPC_ATTRIBUTES } from './names.ts';
import { ServerSpan, UnsampledSpan } from './otel-spans.ts';
import { type HeaderReader, type Metrics, NO_SPAN, NO_TELEMETRY, type Span, type Telemetry } from './telemetry.ts';

/** More methods than the daemon serves; attributes of further ones are made anew each time. */
const MAX_KNOWN_METHODS = 64;

const HEADERS: TextMapGetter<HeaderReader> = {
  get: (header, name) => header(name),
  keys: () => [],
};

export interface Tracing {
  /** Its sampler decides; it is asked without attributes, so that an unsampled request costs no attribute. */
  readonly tracer: Tracer;
  /** Undefined where callers' traces are not continued. */
  readonly propagator?: TextMapPropagator | undefined;
}

export interface OtelTelemetryOptions {
  /** Absent where no traces are exported: then every span is `NO_SPAN`. */
  readonly tracing?: Tracing | undefined;
  /** Absent where no metrics are exported. */
  readonly metrics?: Metrics | undefined;
}

/**
 * Telemetry over the OpenTelemetry API. It uses no global of the API: tracer, propagator and metrics are those it is given. Spans of
 * a trace that is not sampled know the trace's id and cost nothing more.
 */
export class OtelTelemetry implements Telemetry {
  readonly metrics: Metrics;
  readonly #tracing: Tracing | undefined;
  readonly #attributes = new Map<string, OtelAttributes>();

  constructor(options: OtelTelemetryOptions) {
    this.metrics = options.metrics ?? NO_TELEMETRY.metrics;
    this.#tracing = options.tracing;
  }

  startRequest(method: string, header: HeaderReader): Span {
    if (this.#tracing === undefined) return NO_SPAN;
    const { tracer, propagator } = this.#tracing;
    const parent = propagator?.extract(ROOT_CONTEXT, header, HEADERS) ?? ROOT_CONTEXT;
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER }, parent);
    if (!span.isRecording()) return new UnsampledSpan(span.spanContext().traceId);
    span.setAttributes(this.#attributesOf(method));
    return new ServerSpan(tracer, span);
  }

  #attributesOf(method: string): OtelAttributes {
    const known = this.#attributes.get(method);
    if (known !== undefined) return known;
    const slash = method.lastIndexOf('/');
    const attributes = {
      [RPC_ATTRIBUTES.system.name]: 'grpc',
      [RPC_ATTRIBUTES.service.name]: method.slice(0, Math.max(slash, 0)),
      [RPC_ATTRIBUTES.method.name]: method.slice(slash + 1),
    };
    if (this.#attributes.size < MAX_KNOWN_METHODS) this.#attributes.set(method, attributes);
    return attributes;
  }
}
