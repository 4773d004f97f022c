package dev.keyside.client;

/** The KMS did not answer within the time there was. Its reason is {@code KMS_TIMEOUT}. */
public final class KmsTimeoutException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KmsTimeoutException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
