package dev.keyside.client;

/** A fault of the daemon or of the connection. The daemon's log has the cause. Its reason is {@code INTERNAL}. */
public final class InternalException extends KeysideException {
    private static final long serialVersionUID = 1L;

    InternalException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
