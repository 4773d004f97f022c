package dev.keyside.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.keyside.client.internal.v1.RequestMetadata;
import io.grpc.Metadata.Key;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a call says, and how often. */
class CallsTest {
    private static final Metadata ACME = Metadata.forTenant("acme");
    private static final PlaintextDocument ADA = PlaintextDocument.ofTexts(Map.of("name", "Ada"));

    private FakeDaemon daemon;

    @BeforeEach
    void start() throws Exception {
        daemon = new FakeDaemon();
    }

    @AfterEach
    void stop() {
        daemon.close();
    }

    @Test
    void takesTextsAndBytesAndGivesWhatToStore() {
        try (KeysideClient client = daemon.client().build()) {
            PlaintextDocument document = PlaintextDocument.builder()
                    .text("name", "Ada 😀")
                    .bytes("raw", new byte[] {0, -1})
                    .build();
            EncryptedDocument stored = client.encrypt(document, ACME);
            assertArrayEquals("edek".getBytes(UTF_8), stored.edek());
            assertArrayEquals("Ada 😀".getBytes(UTF_8), stored.fields().get("name"));
            assertArrayEquals(new byte[] {0, -1}, stored.fields().get("raw"));
        }
    }

    @Test
    void aCallsMetadataWinOverTheDefaultsFieldByField() {
        Metadata defaults = Metadata.defaults().requesterId("service").purpose("billing").attribute("a", "1").attribute("b", "1").build();
        Metadata own = Metadata.builder("acme").requesterId("ada").attribute("b", "2").context("row", "7").build();
        try (KeysideClient client = daemon.client().defaults(defaults).build()) {
            client.encrypt(ADA, own);
        }
        RequestMetadata sent = daemon.requests.get(0).getMetadata();
        assertEquals("ada", sent.getRequesterId());
        assertEquals("billing", sent.getPurpose());
        assertEquals(Map.of("a", "1", "b", "2"), sent.getAttributesMap());
        assertEquals(Map.of("row", "7"), daemon.requests.get(0).getContextMap());
        assertThrows(IllegalArgumentException.class, () -> daemon.client().defaults(ACME));
    }

    @Test
    void textThatUtf8CannotHoldIsRefusedBeforeAnythingIsSent() {
        try (KeysideClient client = daemon.client().build()) {
            Metadata context = Metadata.builder("acme").context("row", "\ud800").build();
            assertThrows(RequestInvalidException.class, () -> client.encrypt(ADA, context));
            Metadata tenant = Metadata.forTenant("\udc00");
            assertTrue(client.encryptAsync(ADA, tenant).isCompletedExceptionally());
            assertThrows(RequestInvalidException.class, () -> client.encrypt(PlaintextDocument.of(Map.of("\ud800x", new byte[0])), ACME));
            assertThrows(RequestInvalidException.class, () -> PlaintextDocument.ofTexts(Map.of("name", "\ud83d")));
        }
        assertTrue(daemon.requests.isEmpty());
    }

    @Test
    void whatTheCallerDoesToItsArraysAfterwardsIsNotSent() throws Exception {
        String address = daemon.address();
        daemon.close();
        byte[] plaintext = "Ada".getBytes(UTF_8);
        byte[] edek = "old".getBytes(UTF_8);
        try (KeysideClient client = KeysideClient.builder().environment(Map.of()).address(address).build()) {
            var answer = client.encryptAsync(PlaintextDocument.of(Map.of("name", plaintext)), ACME, edek);
            var stream = client.decryptStream(edek, InputStream.nullInputStream(), ACME);
            Arrays.fill(plaintext, (byte) 0);
            Arrays.fill(edek, (byte) 0);
            daemon = new FakeDaemon(Integer.parseInt(address.split(":")[1]));
            answer.get(20, TimeUnit.SECONDS);
            assertEquals(0, stream.readAllBytes().length);
        }
        assertEquals("Ada", daemon.requests.get(0).getFieldsOrThrow("name").toStringUtf8());
        assertEquals("old", daemon.requests.get(0).getEdek().toStringUtf8());
        assertEquals("old", daemon.opened.remove().getOpen().getEdek().toStringUtf8());
    }

    @Test
    void anEventThatIsGivenAContextIsRefused() {
        SecurityEvent event = new SecurityEvent("USER_LOGIN");
        try (KeysideClient client = daemon.client().build()) {
            Metadata given = Metadata.builder("acme").context("row", "1").build();
            assertThrows(RequestInvalidException.class, () -> client.logSecurityEvent(event, given));
            Metadata empty = Metadata.builder("acme").context(Map.of()).build();
            assertThrows(RequestInvalidException.class, () -> client.logSecurityEvent(event, empty));
            assertThrows(RequestInvalidException.class, () -> client.logSecurityEvent(event, empty.toBuilder().purpose("x").build()));
        }
        assertTrue(daemon.headers.isEmpty());
    }

    @Test
    void aCallIsRepeatedWhereTheDaemonNamesATimeAndNotBeforeIt() {
        daemon.failures.add(FakeDaemon.failure("OVERLOADED", Code.RESOURCE_EXHAUSTED, 30));
        daemon.failures.add(FakeDaemon.failure("KMS_THROTTLED", Code.RESOURCE_EXHAUSTED, 30));
        try (KeysideClient client = daemon.client().build()) {
            client.encrypt(ADA, ACME);
        }
        assertEquals(3, daemon.requests.size());
        for (int at = 1; at < 3; at++) {
            assertTrue(daemon.times.get(at) - daemon.times.get(at - 1) >= Duration.ofMillis(30).toNanos());
        }
    }

    @Test
    void thereAreFourAttemptsAtMost() {
        for (int at = 0; at < 9; at++) daemon.failures.add(FakeDaemon.failure("DRAINING", Code.UNAVAILABLE, 1));
        try (KeysideClient client = daemon.client().build()) {
            assertThrows(DrainingException.class, () -> client.encrypt(ADA, ACME));
        }
        assertEquals(4, daemon.requests.size());
    }

    @Test
    void aClientOfOneAttemptMakesNoCallAgain() {
        daemon.failures.add(FakeDaemon.failure("DRAINING", Code.UNAVAILABLE, 1));
        try (KeysideClient client = daemon.client().maxAttempts(1).build()) {
            KeysideClient brief = client.withTimeout(Duration.ofSeconds(9));
            KeysideException failure = assertThrows(DrainingException.class, () -> brief.encrypt(ADA, ACME));
            assertEquals(Duration.ofMillis(1), failure.retryAfter().orElseThrow());
        }
        assertEquals(1, daemon.requests.size());
        assertThrows(IllegalArgumentException.class, () -> daemon.client().maxAttempts(0));
    }

    @Test
    void aWaitBeyondTheDeadlineIsNotBegun() {
        daemon.failures.add(FakeDaemon.failure("OVERLOADED", Code.RESOURCE_EXHAUSTED, 900));
        try (KeysideClient client = daemon.client().build()) {
            client.listKeysAsync("warm").handle((keys, failure) -> null).join();
            KeysideClient brief = client.withTimeout(Duration.ofMillis(850));
            KeysideException failure = assertThrows(OverloadedException.class, () -> brief.encrypt(ADA, ACME));
            assertEquals(Duration.ofMillis(900), failure.retryAfter().orElseThrow());
            assertTrue(failure.isRetryable());
        }
        assertEquals(1, daemon.requests.size());
    }

    @Test
    void whatNamesNoTimeIsNotRepeated() {
        daemon.failures.add(FakeDaemon.failure("KEY_REVOKED", Code.FAILED_PRECONDITION, null));
        daemon.failures.add(Status.UNAVAILABLE.withDescription("a proxy's").asRuntimeException());
        try (KeysideClient client = daemon.client().build()) {
            KeysideException failure = assertThrows(KeyRevokedException.class, () -> client.encrypt(ADA, ACME));
            assertEquals("KEY_REVOKED: said the daemon", failure.getMessage());
            assertEquals("acme", failure.tenantId().orElseThrow());
            assertEquals("acme-aws", failure.keyId().orElseThrow());
            assertFalse(failure.isRetryable());
            KeysideException proxys = assertThrows(UnavailableException.class, () -> client.encrypt(ADA, ACME));
            assertTrue(proxys.isRetryable());
        }
        assertEquals(2, daemon.requests.size());
    }

    @Test
    void aTokenIsReadAgainWhenItsFileHasChanged(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("token");
        Files.writeString(file, "first\n");
        try (KeysideClient client = daemon.client().tokenFile(file).build()) {
            client.encrypt(ADA, ACME);
            Files.writeString(folder.resolve("next"), "second-one");
            Files.move(folder.resolve("next"), file, StandardCopyOption.REPLACE_EXISTING);
            client.encrypt(ADA, ACME);
            assertEquals("Bearer first", header(0, "authorization"));
            assertEquals("Bearer second-one", header(1, "authorization"));
            Files.writeString(file, "two lines\nof it");
            KeysideException unfit = assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
            assertFalse(unfit.getMessage().contains("of it"));
            Files.writeString(file, "");
            assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
            Files.delete(file);
            assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
        }
        assertEquals(2, daemon.requests.size());
    }

    @Test
    void theTraceContextGoesAlongAndBaggageDoesNot() {
        TraceState state = TraceState.builder().put("vendor", "x").build();
        SpanContext span = SpanContext.create("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", TraceFlags.getSampled(), state);
        try (KeysideClient client = daemon.client().build();
                var baggage = Baggage.builder().put("secret", "s").build().makeCurrent();
                var scope = Span.wrap(span).makeCurrent()) {
            client.encrypt(ADA, ACME);
        }
        assertEquals("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", header(0, "traceparent"));
        assertEquals("vendor=x", header(0, "tracestate"));
        assertNull(header(0, "baggage"));
        try (KeysideClient client = daemon.client().build()) {
            client.encrypt(ADA, ACME);
        }
        assertNull(header(1, "traceparent"));
    }

    @Test
    void nothingOfAPlaintextIsShown() {
        assertFalse(ADA.toString().contains("Ada"));
        assertFalse(ADA.toString().contains("name"));
        assertThrows(IllegalStateException.class, () -> PlaintextDocument.of(Map.of("x", new byte[] {-1})).text("x"));
        Map<String, String> context = Map.of("row", "hidden");
        EncryptedDocument stored = EncryptedDocument.of(new byte[0], Map.of());
        assertEquals("EncryptItem[id=a]", new EncryptItem("a", ADA).withContext(context).toString());
        assertEquals("DecryptItem[id=a]", new DecryptItem("a", stored).withContext(context).toString());
        assertEquals("RewrapItem[id=a]", new RewrapItem("a", new byte[0]).withContext(context).toString());
    }

    private String header(int call, String name) {
        return daemon.headers.get(call).get(Key.of(name, io.grpc.Metadata.ASCII_STRING_MARSHALLER));
    }
}
