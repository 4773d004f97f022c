package dev.keyside.client;

import java.nio.file.Path;
import java.util.Objects;

/**
 * Files of mutual TLS, PEM. Read once, when the client is made: for new certificates make a new one.
 *
 * @param ca the authorities that the daemon's certificate must be of
 * @param certificate the client's own certificate, and those between it and its authority
 * @param key the client's private key, PKCS #8
 */
public record TlsFiles(Path ca, Path certificate, Path key) {
    /**
     * None of them is null.
     *
     * @param ca the authorities that the daemon's certificate must be of
     * @param certificate the client's own certificate, and those between it and its authority
     * @param key the client's private key, PKCS #8
     */
    public TlsFiles {
        Objects.requireNonNull(ca, "ca");
        Objects.requireNonNull(certificate, "certificate");
        Objects.requireNonNull(key, "key");
    }
}
