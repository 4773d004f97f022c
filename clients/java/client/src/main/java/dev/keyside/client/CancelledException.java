package dev.keyside.client;

/** The call was cancelled: by its future, its thread, its {@code io.grpc.Context}, or because the client was closed. Its reason is {@code CANCELLED}. */
public final class CancelledException extends KeysideException {
    private static final long serialVersionUID = 1L;

    CancelledException(String sentence, ErrorFacts facts) {
        super(sentence, facts);
    }
}
