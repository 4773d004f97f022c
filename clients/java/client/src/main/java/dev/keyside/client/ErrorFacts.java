package dev.keyside.client;

import io.grpc.Status.Code;
import java.time.Duration;
import java.util.Map;

/** What an error is made of. {@code retryAfter} and {@code cause} may be null. */
record ErrorFacts(
        String reason, Code code, Map<String, String> details, Duration retryAfter, boolean retryable, Throwable cause) {

    static ErrorFacts of(String reason, Code code) {
        return new ErrorFacts(reason, code, Map.of(), null, false, null);
    }

    ErrorFacts asRetryable() {
        return new ErrorFacts(reason, code, details, retryAfter, true, cause);
    }

    ErrorFacts because(Throwable newCause) {
        return new ErrorFacts(reason, code, details, retryAfter, retryable, newCause);
    }
}
