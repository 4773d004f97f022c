package dev.keyside.client;

/** No bearer token, or one that the daemon does not know. Its reason is {@code CALLER_UNAUTHENTICATED}. */
public final class CallerUnauthenticatedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    CallerUnauthenticatedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
