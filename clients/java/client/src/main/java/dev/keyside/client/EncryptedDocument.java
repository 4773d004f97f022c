package dev.keyside.client;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What to store: nothing opens the fields without the EDEK. To decrypt, all of the fields may be given, or some. Arrays are shared with
 * the document, not copied; a call takes its own copy before it returns.
 */
public final class EncryptedDocument {
    private final byte[] edek;
    private final Map<String, byte[]> fields;

    private EncryptedDocument(byte[] edek, Map<String, byte[]> fields) {
        this.edek = Objects.requireNonNull(edek, "edek");
        this.fields = Collections.unmodifiableMap(fields);
    }

    /**
     * A document as it was stored.
     *
     * @param edek the encrypted data key
     * @param fields ciphertexts by name, all or some; the map is copied, its arrays are not
     * @return the document
     */
    public static EncryptedDocument of(byte[] edek, Map<String, byte[]> fields) {
        return new EncryptedDocument(edek, new LinkedHashMap<>(fields));
    }

    /**
     * The encrypted data key, to be stored beside the fields.
     *
     * @return the document's own array
     */
    public byte[] edek() {
        return edek;
    }

    /**
     * Ciphertexts by field name: 29 bytes longer than the plaintext, 41 where they were written under an existing EDEK.
     *
     * @return unmodifiable, with the document's own arrays
     */
    public Map<String, byte[]> fields() {
        return fields;
    }

    /** Says how much there is. */
    @Override
    public String toString() {
        return "EncryptedDocument[" + fields.size() + " fields, EDEK of " + edek.length + " bytes]";
    }
}
