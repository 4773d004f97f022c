package dev.keyside.client;

/** The KMS refused, and the key's state could not be confirmed. Its reason is {@code KEY_ACCESS_DENIED}. */
public final class KeyAccessDeniedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KeyAccessDeniedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
