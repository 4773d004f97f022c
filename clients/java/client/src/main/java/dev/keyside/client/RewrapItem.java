package dev.keyside.client;

import java.util.Map;
import java.util.Objects;

/**
 * A document of a batch whose key is to be wrapped again.
 *
 * @param id the caller's name for it, which comes back with its result: at most 1,024 bytes; may be empty
 * @param edek the document's EDEK, or an object's header
 * @param context in place of that of the call's metadata; null for the call's
 */
public record RewrapItem(String id, byte[] edek, Map<String, String> context) {
    /**
     * Copies the context.
     *
     * @param id the caller's name for it, which comes back with its result: at most 1,024 bytes; may be empty
     * @param edek the document's EDEK, or an object's header
     * @param context in place of that of the call's metadata; null for the call's
     */
    public RewrapItem {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(edek, "edek");
        context = context == null ? null : Map.copyOf(context);
    }

    /**
     * A key with the call's context.
     *
     * @param id the caller's name for it
     * @param edek the document's EDEK, or an object's header
     */
    public RewrapItem(String id, byte[] edek) {
        this(id, edek, null);
    }

    /**
     * The same with a context of its own.
     *
     * @param own in place of the call's
     * @return another item
     */
    public RewrapItem withContext(Map<String, String> own) {
        return new RewrapItem(id, edek, own);
    }

    /** Says which it is; the context stays unsaid. */
    @Override
    public String toString() {
        return "RewrapItem[id=" + id + "]";
    }
}
