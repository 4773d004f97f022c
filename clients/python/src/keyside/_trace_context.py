"""The caller's trace context, where the application uses OpenTelemetry."""

from __future__ import annotations

try:
    from opentelemetry import trace
except ImportError:  # the extra `opentelemetry` is not installed
    _HAS_TRACES = False
else:
    _HAS_TRACES = True


def trace_headers() -> list[tuple[str, str]]:
    """The W3C headers of the span that is active where the call is made, whatever propagators the application has configured.

    Nothing where no span is active. Baggage stays here: it may hold anything.
    """
    if not _HAS_TRACES:
        return []
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return []
    flags = span.trace_flags & 0xFF
    headers = [("traceparent", f"00-{span.trace_id:032x}-{span.span_id:016x}-{flags:02x}")]
    state = span.trace_state.to_header()
    if state:
        headers.append(("tracestate", state))
    return headers
