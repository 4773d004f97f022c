package dev.keyside.client;

/** No daemon answers, or the connection broke: whether the call was carried out is not known. Its reason is {@code UNAVAILABLE}. */
public final class UnavailableException extends KeysideException {
    private static final long serialVersionUID = 1L;

    UnavailableException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
