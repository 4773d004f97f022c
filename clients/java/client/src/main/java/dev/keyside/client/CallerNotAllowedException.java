package dev.keyside.client;

/** The caller's token is not bound to this tenant or operation. Its reason is {@code CALLER_NOT_ALLOWED}. */
public final class CallerNotAllowedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    CallerNotAllowedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
