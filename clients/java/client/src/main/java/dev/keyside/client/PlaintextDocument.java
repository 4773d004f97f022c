package dev.keyside.client;

import java.nio.charset.CharacterCodingException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * Plaintexts by field name: what is to be encrypted, or was decrypted, every field verified. The arrays are shared with the
 * document, not copied; a call takes its own copy before it returns. Overwrite them yourself where you want a plaintext gone.
 */
public final class PlaintextDocument {
    private final Map<String, byte[]> fields;

    private PlaintextDocument(Map<String, byte[]> fields) {
        this.fields = Collections.unmodifiableMap(fields);
    }

    /**
     * A document of these fields.
     *
     * @param fields plaintexts by name; the map is copied, its arrays are not
     * @return the document
     */
    public static PlaintextDocument of(Map<String, byte[]> fields) {
        return new PlaintextDocument(new LinkedHashMap<>(fields));
    }

    /**
     * A document of these texts, as UTF-8.
     *
     * @param texts by name
     * @return the document
     * @throws RequestInvalidException for a text that UTF-8 cannot hold
     */
    public static PlaintextDocument ofTexts(Map<String, String> texts) {
        Builder builder = builder();
        texts.forEach(builder::text);
        return builder.build();
    }

    /**
     * Makes a document field by field.
     *
     * @return an empty builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * All fields.
     *
     * @return unmodifiable, with the document's own arrays
     */
    public Map<String, byte[]> fields() {
        return fields;
    }

    /**
     * A field's bytes.
     *
     * @param name the field's
     * @return the document's own array
     * @throws NoSuchElementException where there is no such field
     */
    public byte[] bytes(String name) {
        byte[] bytes = fields.get(name);
        if (bytes == null) throw new NoSuchElementException("the document has no such field");
        return bytes;
    }

    /**
     * A field as text.
     *
     * @param name the field's
     * @return what its bytes mean in UTF-8
     * @throws NoSuchElementException where there is no such field
     * @throws IllegalStateException where it is not UTF-8
     */
    public String text(String name) {
        try {
            return Texts.text(bytes(name));
        } catch (CharacterCodingException malformed) {
            // Without the cause's position: nothing of a plaintext is told.
            throw new IllegalStateException("the field is not UTF-8");
        }
    }

    /** Says how many fields there are, and nothing of them. */
    @Override
    public String toString() {
        return "PlaintextDocument[" + fields.size() + " fields]";
    }

    /** Fields, one after the other; of two with one name the later stays. */
    public static final class Builder {
        private final Map<String, byte[]> fields = new LinkedHashMap<>();

        private Builder() {}

        /**
         * Adds bytes.
         *
         * @param name the field's, at most 65,535 bytes of UTF-8
         * @param bytes the plaintext, not copied
         * @return this
         */
        public Builder bytes(String name, byte[] bytes) {
            fields.put(name, bytes);
            return this;
        }

        /**
         * Adds a text, as UTF-8.
         *
         * @param name the field's, at most 65,535 bytes of UTF-8
         * @param text the plaintext
         * @return this
         * @throws RequestInvalidException for a text that UTF-8 cannot hold
         */
        public Builder text(String name, String text) {
            return bytes(name, Texts.utf8(text));
        }

        /**
         * The document; the builder may go on.
         *
         * @return of all that was added so far
         */
        public PlaintextDocument build() {
            return of(fields);
        }
    }
}
