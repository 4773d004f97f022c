import {
  type Context,
  type Attributes as OtelAttributes,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type TextMapGetter,
  type TextMapPropagator,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { RPC_ATTRIBUTES } from './names.ts';
import { ServerSpan, UnsampledSpan } from './otel-spans.ts';
import type { Sampling } from './sampling.ts';
import { type HeaderReader, type Metrics, NO_SPAN, NO_TELEMETRY, type Span, type Telemetry } from './telemetry.ts';

/** More methods than the daemon serves; attributes of further ones are made anew each time. */
const MAX_KNOWN_METHODS = 64;

/** Of the W3C's Trace Context. */
const TRACE_PARENT = 'traceparent';

const HEADERS: TextMapGetter<HeaderReader> = {
  get: (header, name) => header(name),
  keys: () => [],
};

export interface Tracing {
  /** Takes every span that it is asked for: `sampling` has decided before. */
  readonly tracer: Tracer;
  readonly sampling: Sampling;
  /** Undefined where callers' traces are not continued. */
  readonly callers?: CallerTraces | undefined;
}

/** How a caller's trace is read from its headers. */
export interface CallerTraces {
  /** Reads a `traceparent`: all that an unsampled request needs. Null where it is malformed. */
  readonly parse: (traceparent: string) => SpanContext | null;
  /** Reads all there is, for a request that is sampled. */
  readonly propagator: TextMapPropagator;
}

export interface OtelTelemetryOptions {
  /** Absent where no traces are exported: then every span is `NO_SPAN`. */
  readonly tracing?: Tracing | undefined;
  /** Absent where no metrics are exported. */
  readonly metrics?: Metrics | undefined;
}

/**
 * Telemetry over the OpenTelemetry API. It uses no global of the API: tracer, propagator and metrics are those it is given. A request that
 * is not sampled has no span; where it continues a caller's trace, it knows the trace's id, for the log.
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
    const { tracer, sampling, callers } = this.#tracing;
    const traceparent = callers === undefined ? undefined : header(TRACE_PARENT);
    const caller = traceparent === undefined ? undefined : callers?.parse(traceparent);
    if (caller == null) return sampling.samplesNew() ? this.#sampled(tracer, method, ROOT_CONTEXT) : NO_SPAN;
    const { traceId, traceFlags } = caller;
    const isSampled = sampling.samplesCallers({ traceId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 });
    if (!isSampled) return new UnsampledSpan(traceId);
    return this.#sampled(tracer, method, callers?.propagator.extract(ROOT_CONTEXT, header, HEADERS) ?? ROOT_CONTEXT);
  }

  #sampled(tracer: Tracer, method: string, parent: Context): Span {
    const attributes = this.#attributesOf(method);
    return new ServerSpan(tracer, tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent));
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
