package dev.keyside.client;

/** The daemon is shutting down and takes no new calls. Its reason is {@code DRAINING}. */
public final class DrainingException extends KeysideException {
    private static final long serialVersionUID = 1L;

    DrainingException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
