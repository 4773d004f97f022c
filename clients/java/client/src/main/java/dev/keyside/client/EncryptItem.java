package dev.keyside.client;

import java.util.Map;
import java.util.Objects;

/**
 * A document of a batch to encrypt.
 *
 * @param id the caller's name for it, which comes back with its result: at most 1,024 bytes; may be empty
 * @param document its plaintexts
 * @param edek the EDEK of an existing document, to encrypt under its key; null for a new document
 * @param context in place of that of the call's metadata; null for the call's
 */
public record EncryptItem(String id, PlaintextDocument document, byte[] edek, Map<String, String> context) {
    /**
     * Copies the context.
     *
     * @param id the caller's name for it, which comes back with its result: at most 1,024 bytes; may be empty
     * @param document its plaintexts
     * @param edek the EDEK of an existing document, to encrypt under its key; null for a new document
     * @param context in place of that of the call's metadata; null for the call's
     */
    public EncryptItem {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(document, "document");
        context = context == null ? null : Map.copyOf(context);
    }

    /**
     * A new document, with the call's context.
     *
     * @param id the caller's name for it
     * @param document its plaintexts
     */
    public EncryptItem(String id, PlaintextDocument document) {
        this(id, document, null, null);
    }

    /**
     * The same with a context of its own.
     *
     * @param own in place of the call's
     * @return another item
     */
    public EncryptItem withContext(Map<String, String> own) {
        return new EncryptItem(id, document, edek, own);
    }

    /**
     * The same under the key of an existing document.
     *
     * @param existing its EDEK
     * @return another item
     */
    public EncryptItem under(byte[] existing) {
        return new EncryptItem(id, document, existing, context);
    }

    /** Says which it is; the context stays unsaid. */
    @Override
    public String toString() {
        return "EncryptItem[id=" + id + "]";
    }
}
