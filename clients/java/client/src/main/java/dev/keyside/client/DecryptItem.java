package dev.keyside.client;

import java.util.Map;
import java.util.Objects;

/**
 * A document of a batch to decrypt.
 *
 * @param id the caller's name for it, which comes back with its result: at most 1,024 bytes; may be empty
 * @param document as it was stored, all of its fields or some
 * @param context in place of that of the call's metadata; null for the call's
 */
public record DecryptItem(String id, EncryptedDocument document, Map<String, String> context) {
    /**
     * Copies the context.
     *
     * @param id the caller's name for it, which comes back with its result: at most 1,024 bytes; may be empty
     * @param document as it was stored, all of its fields or some
     * @param context in place of that of the call's metadata; null for the call's
     */
    public DecryptItem {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(document, "document");
        context = context == null ? null : Map.copyOf(context);
    }

    /**
     * A document with the call's context.
     *
     * @param id the caller's name for it
     * @param document as it was stored
     */
    public DecryptItem(String id, EncryptedDocument document) {
        this(id, document, null);
    }

    /**
     * The same with a context of its own.
     *
     * @param own in place of the call's
     * @return another item
     */
    public DecryptItem withContext(Map<String, String> own) {
        return new DecryptItem(id, document, own);
    }

    /** Says which it is; the context stays unsaid. */
    @Override
    public String toString() {
        return "DecryptItem[id=" + id + "]";
    }
}
