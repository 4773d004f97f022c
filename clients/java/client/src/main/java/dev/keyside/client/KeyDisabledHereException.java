package dev.keyside.client;

/** The key is disabled in Keyside's own configuration. Its reason is {@code KEY_DISABLED_HERE}. */
public final class KeyDisabledHereException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KeyDisabledHereException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
