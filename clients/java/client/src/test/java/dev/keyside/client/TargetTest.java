package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing but this machine is spoken to in clear. */
class TargetTest {
    private static void make(String address, TlsFiles tls) {
        KeysideClientBuilder builder = KeysideClient.builder().environment(Map.of("KEYSIDE_ADDRESS", address));
        if (tls != null) builder.tls(tls);
        builder.build().close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "127.0.0.1:7460", "127.9.8.7:1", "localhost:65535", "LOCALHOST:80", "[::1]:7460", "[0:0:0:0:0:0:0:1]:7460", "unix:///run/keyside.sock", "unix:/run/x", "unix:x.sock"})
    void thisMachineIsSpokenTo(String address) {
        assertDoesNotThrow(() -> make(address, null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.1:7460", "keyside.example:7460", "127.0.0.1.example:7460", "128.0.0.1:7460", "127.0.0.256:1", "0.0.0.0:7460", "[::]:7460", "[fe80::1]:7460", "localhost.example:1"})
    void anotherMachineIsRefusedWithoutTls(String address) {
        assertThrows(IllegalArgumentException.class, () -> make(address, null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "localhost:0", "localhost:65536", "http://localhost:1", "user@localhost:1", ":7460", "unix://run/x", "unix:", "dns:///localhost:1", "a b:1"})
    void anotherFormIsRefused(String address) {
        assertThrows(IllegalArgumentException.class, () -> make(address, null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"keyside.example:7460", "127.0.0.1:7460"})
    void filesOfTlsAreReadWhenTheClientIsMade(String address) {
        Path none = Path.of("/nonexistent/file.pem");
        assertThrows(UncheckedIOException.class, () -> make(address, new TlsFiles(none, none, none)));
    }
}
