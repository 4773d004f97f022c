package dev.keyside.client;

/** The audit record could not be made durable, so nothing was answered. Its reason is {@code AUDIT_UNAVAILABLE}. */
public final class AuditUnavailableException extends KeysideException {
    private static final long serialVersionUID = 1L;

    AuditUnavailableException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
