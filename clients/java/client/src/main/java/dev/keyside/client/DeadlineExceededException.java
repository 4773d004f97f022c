package dev.keyside.client;

/** The deadline passed, here or at the daemon, before there was an answer. Its reason is {@code DEADLINE_EXCEEDED}. */
public final class DeadlineExceededException extends KeysideException {
    private static final long serialVersionUID = 1L;

    DeadlineExceededException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
