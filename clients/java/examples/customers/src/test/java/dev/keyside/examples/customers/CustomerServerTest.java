package dev.keyside.examples.customers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.keyside.client.KeysideClient;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** The whole way: HTTP, the daemon, the database's file. */
class CustomerServerTest {
    private static final String ADA = "{\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\"}";

    private final HttpClient http = HttpClient.newHttpClient();
    private final Logger log = Logger.getLogger(CustomerServer.class.getName());
    private final List<LogRecord> logged = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord line) {
            logged.add(line);
        }

        @Override
        public void flush() {
            // Nothing is held back.
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    };

    @BeforeEach
    void listen() {
        log.setUseParentHandlers(false);
        log.addHandler(handler);
    }

    @AfterEach
    void stopListening() {
        log.removeHandler(handler);
        log.setUseParentHandlers(true);
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "KEYSIDE_INTEROP_PHASE", matches = "write", disabledReason = "needs a daemon: npm run interop")
    void aCustomerIsStoredAsCiphertextThatItsTenantAloneReads(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("customers.db");
        try (KeysideClient keyside = KeysideClient.create();
                CustomerStore store = new CustomerStore(file.toString(), keyside);
                CustomerServer server = new CustomerServer(0, store)) {
            URI uri = URI.create("http://127.0.0.1:" + server.port() + "/customers/42");
            assertEquals(204, send(request(uri, "acme").PUT(BodyPublishers.ofString(ADA))).statusCode());

            String stored = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
            assertTrue(stored.contains("acme"));
            assertFalse(stored.contains("Lovelace"));
            assertFalse(stored.contains("ada@example.com"));

            HttpResponse<String> read = send(request(uri, "acme").GET());
            assertEquals(200, read.statusCode());
            assertEquals(ADA, read.body());
            assertEquals(404, send(request(uri, "globex").GET()).statusCode());

            // Whoever can write to the database gains nothing by giving the row to another tenant.
            try (var database = DriverManager.getConnection("jdbc:sqlite:" + file);
                    var statement = database.createStatement()) {
                assertEquals(1, statement.executeUpdate("UPDATE customers SET tenant = 'globex'"));
            }
            HttpResponse<String> stolen = send(request(uri, "globex").GET());
            assertEquals(500, stolen.statusCode());
            assertEquals("CIPHERTEXT_REJECTED", stolen.body());
            assertLogged(Level.SEVERE, "customer \"42\" of \"globex\": CIPHERTEXT_REJECTED");
        }
    }

    @Test
    void whatFailsIsLogged(@TempDir Path folder) throws Exception {
        try (KeysideClient keyside = KeysideClient.builder().address("127.0.0.1:1").connectTimeout(Duration.ZERO).build();
                CustomerStore store = new CustomerStore(folder.resolve("customers.db").toString(), keyside);
                CustomerServer server = new CustomerServer(0, store)) {
            URI uri = URI.create("http://127.0.0.1:" + server.port() + "/customers/4%0A2");
            HttpResponse<String> unavailable = send(request(uri, "acme").PUT(BodyPublishers.ofString(ADA)));
            assertEquals(503, unavailable.statusCode());
            assertLogged(Level.WARNING, "customer \"4\\n2\" of \"acme\": UNAVAILABLE: no daemon answers at 127.0.0.1:1");
            store.close();
            assertEquals(500, send(request(uri, "acme").GET()).statusCode());
            assertLogged(Level.SEVERE, "customer \"4\\n2\" of \"acme\": ");
        }
    }

    private void assertLogged(Level level, String start) {
        boolean isThere = logged.stream().anyMatch(each -> each.getLevel() == level && each.getMessage().startsWith(start));
        assertTrue(isThere, () -> "logged: " + logged.stream().map(each -> each.getLevel() + " " + each.getMessage()).toList());
    }

    @Test
    void aRequestWithoutATenantIsRefused(@TempDir Path folder) throws Exception {
        try (KeysideClient keyside = KeysideClient.builder().address("127.0.0.1:1").build();
                CustomerStore store = new CustomerStore(folder.resolve("customers.db").toString(), keyside);
                CustomerServer server = new CustomerServer(0, store)) {
            URI uri = URI.create("http://127.0.0.1:" + server.port() + "/customers/42");
            assertEquals(400, send(HttpRequest.newBuilder(uri).GET()).statusCode());
            assertEquals(400, send(request(uri, "acme").PUT(BodyPublishers.ofString("{}"))).statusCode());
        }
    }

    private static HttpRequest.Builder request(URI uri, String tenant) {
        return HttpRequest.newBuilder(uri).header("X-Tenant", tenant);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return http.send(request.build(), BodyHandlers.ofString());
    }
}
