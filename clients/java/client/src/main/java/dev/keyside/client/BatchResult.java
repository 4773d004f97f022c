package dev.keyside.client;

import java.util.Optional;

/**
 * What became of one document of a batch: it, or why not.
 *
 * @param <T> what a document becomes
 */
public final class BatchResult<T> {
    private final String id;
    private final T document;
    private final KeysideException error;

    BatchResult(String id, T document, KeysideException error) {
        this.id = id;
        this.document = document;
        this.error = error;
    }

    /**
     * The id given with the document.
     *
     * @return may be empty
     */
    public String id() {
        return id;
    }

    /**
     * Whether there is a document.
     *
     * @return false where there is an error
     */
    public boolean isSuccess() {
        return error == null;
    }

    /**
     * The document.
     *
     * @return never null
     * @throws KeysideException why there is none
     */
    public T orElseThrow() {
        if (error != null) throw error.here();
        return document;
    }

    /**
     * Why there is no document.
     *
     * @return empty where there is one
     */
    public Optional<KeysideException> error() {
        return Optional.ofNullable(error);
    }

    /** Says how it went, and nothing of the document. */
    @Override
    public String toString() {
        return "BatchResult[" + id + ": " + (error == null ? "done" : error.getMessage()) + "]";
    }
}
