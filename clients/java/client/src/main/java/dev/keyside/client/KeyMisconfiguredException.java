package dev.keyside.client;

/** The key is of the wrong kind or region, or the daemon's credentials are bad. Its reason is {@code KEY_MISCONFIGURED}. */
public final class KeyMisconfiguredException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KeyMisconfiguredException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
