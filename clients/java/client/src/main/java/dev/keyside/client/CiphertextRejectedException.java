package dev.keyside.client;

/** Wrong tenant, context, label or key, or altered bytes: one answer for all. Its reason is {@code CIPHERTEXT_REJECTED}. */
public final class CiphertextRejectedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    CiphertextRejectedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
