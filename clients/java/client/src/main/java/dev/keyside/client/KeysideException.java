package dev.keyside.client;

import io.grpc.Status.Code;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Why a call failed. There is a subclass for each reason, such as {@link KeyRevokedException}; what a proxy or a newer daemon says is a
 * plain {@code KeysideException}. Its message is {@code REASON: sentence}; decide by type or {@link #reason()}, for sentences change.
 */
public class KeysideException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** One of the reasons, or the name of a code. */
    private final String reason;
    /** The gRPC code's name. */
    private final String code;
    /** All facts that the daemon gave. */
    private final Map<String, String> details;
    /** Null where the daemon named no time. */
    private final Duration retryAfter;
    /** Whether a retry helps. */
    private final boolean retryable;

    KeysideException(String sentence, ErrorFacts facts) {
        super(facts.reason() + ": " + sentence, facts.cause());
        this.reason = facts.reason();
        this.code = facts.code().name();
        // A serializable copy, as an exception must be.
        this.details = Map.copyOf(facts.details());
        this.retryAfter = facts.retryAfter();
        this.retryable = facts.retryable();
    }

    /**
     * One of the reasons of Keyside's documentation; the code's name where no daemon gave one.
     *
     * @return such as {@code KEY_REVOKED}
     */
    public final String reason() {
        return reason;
    }

    /**
     * The gRPC code's name.
     *
     * @return such as {@code FAILED_PRECONDITION}
     */
    public final String code() {
        return code;
    }

    /**
     * All facts that the daemon gave.
     *
     * @return unmodifiable, such as {@code limitBytes} or {@code provider}; empty where no daemon spoke
     */
    public final Map<String, String> details() {
        return details;
    }

    /**
     * Whether the same call may succeed later: the daemon named a time to retry after, or no daemon answered (in time).
     *
     * @return true where a retry helps
     */
    public final boolean isRetryable() {
        return retryable;
    }

    /**
     * How long to wait before a retry.
     *
     * @return empty where the daemon named no time
     */
    public final Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }

    /**
     * The tenant, where the daemon named it.
     *
     * @return its id
     */
    public final Optional<String> tenantId() {
        return Optional.ofNullable(details.get("tenantId"));
    }

    /**
     * The key configuration, where the daemon named one.
     *
     * @return its id
     */
    public final Optional<String> keyId() {
        return Optional.ofNullable(details.get("keyId"));
    }

    /**
     * The same error with the stack of whoever waits for it, and the one that was told elsewhere as its cause: else the trace of a
     * synchronous call would show a thread of the transport.
     */
    final KeysideException here() {
        String sentence = getMessage().substring(reason.length() + 2);
        Throwable cause = getCause() == null ? this : getCause();
        return Errors.of(sentence, new ErrorFacts(reason, Code.valueOf(code), details, retryAfter, retryable, cause));
    }
}
