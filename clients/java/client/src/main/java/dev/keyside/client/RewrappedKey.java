package dev.keyside.client;

/**
 * A document's key, wrapped again.
 *
 * @param edek to be stored in place of the old one
 * @param keyId the key configuration that wraps it now
 * @param isChanged false where it was up to date already; {@code edek} is then the one that was given
 */
public record RewrappedKey(byte[] edek, String keyId, boolean isChanged) {
    /** Says under which key it is. */
    @Override
    public String toString() {
        return "RewrappedKey[keyId=" + keyId + ", isChanged=" + isChanged + "]";
    }
}
