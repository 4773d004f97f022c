package dev.keyside.client;

/** The tenant's policy forbids it: caller, purpose, label, custody or residency. Its reason is {@code POLICY_DENIED}. */
public final class PolicyDeniedException extends KeysideException {
    private static final long serialVersionUID = 1L;

    PolicyDeniedException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
