package dev.keyside.client;

/** The KMS knows no such key. Its reason is {@code KEY_NOT_FOUND}. */
public final class KeyNotFoundException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KeyNotFoundException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
