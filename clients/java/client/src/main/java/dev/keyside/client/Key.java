package dev.keyside.client;

/**
 * One of a tenant's key configurations.
 *
 * @param keyId its id
 * @param provider the kind of KMS: {@code local}, {@code aws}, …
 * @param state what the daemon's configuration says of it
 * @param custody who holds the key: {@code customer}, {@code vendor} or {@code local}
 * @param isVendorDefault whether it is the vendor's own, which serves tenants that have not brought theirs
 */
public record Key(String keyId, String provider, State state, String custody, boolean isVendorDefault) {
    /** What a key may be used for. */
    public enum State {
        /** Encrypts and decrypts. */
        PRIMARY,
        /** Decrypts. */
        ACTIVE,
        /** Refused by the daemon before any KMS is asked. */
        DISABLED,
        /** What a newer daemon says. */
        UNKNOWN
    }
}
