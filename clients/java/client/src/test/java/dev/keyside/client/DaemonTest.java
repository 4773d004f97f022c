package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** What the scenarios of all clients do not have, against a real daemon. */
@EnabledIfEnvironmentVariable(named = "KEYSIDE_INTEROP_PHASE", matches = "write", disabledReason = "needs a daemon: npm run interop")
class DaemonTest {
    private static final Metadata ACME = Metadata.builder("acme").context("object", "1").build();

    private KeysideClient client;

    @BeforeEach
    void make() {
        client = KeysideClient.create();
    }

    @AfterEach
    void close() {
        client.close();
    }

    @Test
    void aPublisherSealsWhatAnotherOpens() throws Exception {
        byte[] plaintext = Interop.pattern(1_500_001, 3);
        CompletableFuture<byte[]> opened = new CompletableFuture<>();
        try (SubmissionPublisher<ByteBuffer> source = new SubmissionPublisher<>()) {
            client.decryptPublisher(client.encryptPublisher(source, ACME), ACME).subscribe(new Collector(opened));
            // Offered once somebody is there: what is submitted before has no subscriber.
            while (source.getNumberOfSubscribers() == 0) Thread.sleep(5);
            for (int at = 0; at < plaintext.length; at += 100_000) {
                source.submit(ByteBuffer.wrap(plaintext, at, Math.min(100_000, plaintext.length - at)));
            }
        }
        assertArrayEquals(plaintext, opened.get(20, TimeUnit.SECONDS));
    }

    @Test
    void anObjectThatWasCutIsNeverAtItsEnd() throws Exception {
        byte[] sealed;
        try (EncryptedStream stream = client.encryptStream(new ByteArrayInputStream(Interop.pattern(100_000, 9)), ACME)) {
            sealed = stream.readAllBytes();
        }
        for (int length : new int[] {0, 10, sealed.length / 2, sealed.length - 1}) {
            InputStream cut = client.decryptStream(new ByteArrayInputStream(Arrays.copyOf(sealed, length)), ACME);
            assertThrows(KeysideException.class, cut::readAllBytes, "cut to " + length);
        }
    }

    @Test
    void aFieldIsAddedToAnExistingDocument() {
        EncryptedDocument first = client.encrypt(PlaintextDocument.builder().text("a", "1").build(), ACME);
        EncryptedDocument second = client.encrypt(PlaintextDocument.builder().text("b", "2").build(), ACME, first.edek());
        assertArrayEquals(first.edek(), second.edek());
        assertEquals("2", client.decrypt(second, ACME).text("b"));
    }

    @Test
    void keysAndTheDaemonAnswer() {
        assertTrue(client.isServing());
        List<Key> keys = client.listKeys("acme");
        assertEquals(1, keys.stream().filter(key -> key.state() == Key.State.PRIMARY).count());
        KeyCheck check = client.checkKey("acme");
        assertTrue(check.isUsable());
        assertTrue(check.error().isEmpty());
        assertTrue(check.wrapLatency().isPresent());
        client.encrypt(PlaintextDocument.builder().text("a", "1").build(), ACME);
        assertTrue(client.dropKeys("acme") >= 0);
        SecurityEvent login = new SecurityEvent("USER_LOGIN").to("ada").saying("from the test");
        assertFalse(client.logSecurityEvent(login, Metadata.forTenant("acme")).isEmpty());
    }

    private record Collector(ByteArrayOutputStream bytes, CompletableFuture<byte[]> all) implements Flow.Subscriber<ByteBuffer> {
        Collector(CompletableFuture<byte[]> all) {
            this(new ByteArrayOutputStream(), all);
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(ByteBuffer piece) {
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            bytes.writeBytes(copy);
        }

        @Override
        public void onError(Throwable failure) {
            all.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            all.complete(bytes.toByteArray());
        }
    }
}
