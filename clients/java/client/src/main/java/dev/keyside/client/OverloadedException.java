package dev.keyside.client;

/** The daemon has as much work as it may have. Its reason is {@code OVERLOADED}. */
public final class OverloadedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    OverloadedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
