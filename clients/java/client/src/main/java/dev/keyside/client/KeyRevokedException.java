package dev.keyside.client;

/** The customer disabled, deleted or destroyed its key: its data is dark until the key is back. Its reason is {@code KEY_REVOKED}. */
public final class KeyRevokedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KeyRevokedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
