package dev.keyside.client;

/** The document or batch exceeds the daemon's limits. Its reason is {@code PAYLOAD_TOO_LARGE}. */
public final class PayloadTooLargeException extends KeysideException {
    private static final long serialVersionUID = 1L;

    PayloadTooLargeException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
