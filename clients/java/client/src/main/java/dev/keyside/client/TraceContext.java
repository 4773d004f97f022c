package dev.keyside.client;

import io.grpc.Metadata;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;

/**
 * Puts the caller's trace context into a call's headers, whatever propagators the application has configured; nothing where no span is
 * active, or OpenTelemetry's API is not there. Baggage stays here: it may hold anything.
 */
final class TraceContext {
    private static final boolean IS_THERE = isThere();

    private TraceContext() {}

    static void addTo(Metadata headers) {
        if (IS_THERE) Propagation.addTo(headers);
    }

    private static boolean isThere() {
        try {
            Class.forName("io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator");
            return true;
        } catch (ClassNotFoundException | LinkageError absent) {
            return false;
        }
    }

    /** Apart, so that nothing of OpenTelemetry is loaded where it is not there. */
    private static final class Propagation {
        static void addTo(Metadata headers) {
            W3CTraceContextPropagator.getInstance().inject(Context.current(), headers, (carrier, name, value) ->
                    carrier.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
        }
    }
}
