import type { Metadata } from '@grpc/grpc-js';
import { context, isSpanContextValid, trace } from '@opentelemetry/api';

/**
 * Puts the caller's trace context into a call's headers, in W3C's form, whatever propagators the application has configured; nothing where
 * no span is active. Baggage stays here: it may hold anything.
 */
export function addTraceContext(metadata: Metadata): void {
  const span = trace.getSpanContext(context.active());
  if (span === undefined || !isSpanContextValid(span)) return;
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, '0');
  metadata.set('traceparent', `00-${span.traceId}-${span.spanId}-${flags}`);
  const state = span.traceState?.serialize();
  if (state) metadata.set('tracestate', state);
}
