package dev.keyside.client;

/** The tenant has no primary key to encrypt under. Its reason is {@code NO_PRIMARY_KEY}. */
public final class NoPrimaryKeyException extends KeysideException {
    private static final long serialVersionUID = 1L;

    NoPrimaryKeyException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
