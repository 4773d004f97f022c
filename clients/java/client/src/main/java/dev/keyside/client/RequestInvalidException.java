package dev.keyside.client;

/** A field of the request is missing, too long or not of its form. Its reason is {@code REQUEST_INVALID}. */
public final class RequestInvalidException extends KeysideException {
    private static final long serialVersionUID = 1L;

    RequestInvalidException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
