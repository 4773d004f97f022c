package dev.keyside.client;

/** The KMS cannot be reached or reports a fault of its own. Its reason is {@code KMS_UNAVAILABLE}. */
public final class KmsUnavailableException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KmsUnavailableException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
