package dev.keyside.client;

/** The KMS throttles. Its reason is {@code KMS_THROTTLED}. */
public final class KmsThrottledException extends KeysideException {
    private static final long serialVersionUID = 1L;

    KmsThrottledException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
