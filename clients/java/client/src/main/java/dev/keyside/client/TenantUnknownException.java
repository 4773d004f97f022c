package dev.keyside.client;

/** No such tenant is configured. Its reason is {@code TENANT_UNKNOWN}. */
public final class TenantUnknownException extends KeysideException {
    private static final long serialVersionUID = 1L;

    TenantUnknownException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
