package dev.keyside.client;

/** The bytes given as {@code edek} are not an EDEK or an object's header. Its reason is {@code EDEK_MALFORMED}. */
public final class EdekMalformedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    EdekMalformedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
