import {
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Span as TracedSpan,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type ErrorReason, KeysideError, reasonEntry, type StatusCode } from '../core/errors.ts';
import { ATTRIBUTES, type AttributeName, RPC_ATTRIBUTES, SPANS, type SpanName } from './names.ts';
import type { Attributes, AttributeValue, Span } from './telemetry.ts';

/** The longest status message exported, in UTF-16 code units. */
const MAX_MESSAGE_LENGTH = 256;

/** gRPC's numbers, for `rpc.grpc.status_code` alone: the RPC edge has its own from grpc-js. */
const STATUS_NUMBERS = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const satisfies Record<StatusCode, number>;

const CHILD_KINDS: ReadonlyMap<SpanName, SpanKind> = new Map(
  Object.values(SPANS).map(({ name, kind }) => [name, kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL]),
);

/** Stands in for every span below a caller's trace that is not sampled: it knows the trace's id, for the log, and does nothing else. */
export class UnsampledSpan implements Span {
  readonly traceId: string;

  constructor(traceId: string) {
    this.traceId = traceId;
  }

  child(): Span {
    return this;
  }

  set(): void {}

  end(): void {}
}

/** A span that is exported. Ended spans ignore what is set on them. */
class SampledSpan implements Span {
  readonly traceId: string;
  readonly #tracer: Tracer;
  readonly #span: TracedSpan;
  #context: Context | undefined;
  #isEnded = false;

  constructor(tracer: Tracer, span: TracedSpan) {
    this.traceId = span.spanContext().traceId;
    this.#tracer = tracer;
    this.#span = span;
  }

  child(name: SpanName, attributes: Attributes = {}): Span {
    this.#context ??= trace.setSpan(ROOT_CONTEXT, this.#span);
    const kind = CHILD_KINDS.get(name) ?? SpanKind.INTERNAL;
    return new SampledSpan(this.#tracer, this.#tracer.startSpan(name, { kind, attributes }, this.#context));
  }

  set(name: AttributeName, value: AttributeValue): void {
    if (!this.#isEnded) this.#span.setAttribute(name, value);
  }

  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (error !== undefined) this.#fail(error);
    this.onEnding(this.#span, error);
    this.#span.end();
  }

  /** What a kind of span adds at its end. */
  protected onEnding(_span: TracedSpan, _error: unknown): void {}

  /** A known error's message is written for callers and safe; an unknown one's may hold anything and stays here. */
  #fail(error: unknown): void {
    this.#span.setAttribute(ATTRIBUTES.reason.name, reasonOf(error));
    const status = { code: SpanStatusCode.ERROR };
    this.#span.setStatus(
      error instanceof KeysideError ? { ...status, message: error.message.slice(0, MAX_MESSAGE_LENGTH) } : status,
    );
  }
}

/** The server's span of an RPC: ends with the gRPC code. */
export class ServerSpan extends SampledSpan {
  protected override onEnding(span: TracedSpan, error: unknown): void {
    const code = error === undefined ? 0 : STATUS_NUMBERS[reasonEntry(reasonOf(error)).code];
    span.setAttribute(RPC_ATTRIBUTES.statusCode.name, code);
  }
}

function reasonOf(error: unknown): ErrorReason {
  return error instanceof KeysideError ? error.reason : 'INTERNAL';
}
