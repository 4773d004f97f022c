package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.Metadata.Key;
import io.grpc.Status.Code;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon that starts makes its token, and another when it starts anew. */
class TokensTest {
    private static final Metadata ACME = Metadata.forTenant("acme");
    private static final PlaintextDocument ADA = PlaintextDocument.ofTexts(Map.of("name", "Ada"));

    @TempDir
    Path folder;

    private FakeDaemon daemon;
    private Path file;

    @BeforeEach
    void start() throws Exception {
        daemon = new FakeDaemon();
        file = folder.resolve("token");
    }

    @AfterEach
    void stop() {
        daemon.close();
    }

    private interface Begun<T> {
        CompletableFuture<T> with(KeysideClient client) throws Exception;
    }

    /** Begins where there is neither a daemon nor a token; the token comes first, as with a daemon that makes it before it listens. */
    private <T> T begunBeforeTheDaemon(Begun<T> call) throws Exception {
        String address = daemon.address();
        daemon.close();
        try (KeysideClient client = KeysideClient.builder().environment(Map.of()).address(address).tokenFile(file).build()) {
            CompletableFuture<T> answer = call.with(client);
            Thread.sleep(300);
            assertFalse(answer.isDone());
            Files.writeString(file, "made-late");
            daemon = new FakeDaemon(Integer.parseInt(address.split(":")[1]));
            T found = answer.get(20, TimeUnit.SECONDS);
            assertEquals("Bearer made-late", token(0));
            return found;
        }
    }

    @Test
    void aTokenThatIsNotThereYetIsWaitedForWithTheDaemon() throws Exception {
        assertEquals(1, begunBeforeTheDaemon(client -> client.encryptAsync(ADA, ACME)).fields().size());
    }

    @Test
    void soItIsWithAStream() throws Exception {
        Integer first = begunBeforeTheDaemon(client -> CompletableFuture.supplyAsync(() -> firstByte(client)));
        assertEquals('x', first.intValue());
    }

    private static int firstByte(KeysideClient client) {
        try (InputStream stream = client.encryptStream(new ByteArrayInputStream(new byte[] {'x'}), ACME)) {
            return stream.read();
        } catch (IOException unexpected) {
            throw new UncheckedIOException(unexpected);
        }
    }

    @Test
    void soItIsWithAPublisher() throws Exception {
        try (SubmissionPublisher<ByteBuffer> source = new SubmissionPublisher<>()) {
            byte[] header = begunBeforeTheDaemon(client -> {
                EncryptedPublisher sealed = client.encryptPublisher(source, ACME);
                sealed.subscribe(new PublishersTest.Sink(1));
                return sealed.edek();
            });
            assertEquals("header", new String(header));
        }
    }

    @Test
    void oneThatIsNotThereWhereTheDaemonIsEndsTheCall() throws Exception {
        try (KeysideClient client = daemon.client().tokenFile(file).build()) {
            assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
            assertThrows(CallerUnauthenticatedException.class, () -> client.encryptStream(InputStream.nullInputStream(), ACME).read());
            PublishersTest.Sink sink = new PublishersTest.Sink(1);
            client.encryptPublisher(new SubmissionPublisher<>(), ACME).subscribe(sink);
            assertEquals(CallerUnauthenticatedException.class, sink.failure().getClass());
        }
        assertEquals(0, daemon.headers.size());
    }

    @Test
    void aCallThatIsRefusedForAnOldTokenIsMadeAgainWithTheNew() throws Exception {
        Files.writeString(file, "first");
        daemon.failures.add(FakeDaemon.failure("CALLER_UNAUTHENTICATED", Code.UNAUTHENTICATED, null));
        FileTime instant = Files.getLastModifiedTime(file);
        try (KeysideClient client = daemon.client().tokenFile(file).build()) {
            // Of the same length, in the same file, in the same instant.
            daemon.before = () -> {
                write("other");
                touch(instant);
            };
            client.encrypt(ADA, ACME);
        }
        assertEquals(2, daemon.requests.size());
        assertEquals("Bearer first", token(0));
        assertEquals("Bearer other", token(1));
    }

    @Test
    void itIsMadeAgainOnce() throws Exception {
        Files.writeString(file, "0");
        AtomicInteger count = new AtomicInteger();
        daemon.before = () -> write("token-" + count.incrementAndGet());
        for (int at = 0; at < 9; at++) daemon.failures.add(FakeDaemon.failure("CALLER_UNAUTHENTICATED", Code.UNAUTHENTICATED, null));
        try (KeysideClient client = daemon.client().tokenFile(file).build()) {
            assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
        }
        assertEquals(2, daemon.requests.size());
    }

    @Test
    void itIsNotMadeAgainWithTheSameTokenOrNone() throws Exception {
        Files.writeString(file, "first");
        daemon.failures.add(FakeDaemon.failure("CALLER_UNAUTHENTICATED", Code.UNAUTHENTICATED, null));
        daemon.failures.add(FakeDaemon.failure("CALLER_UNAUTHENTICATED", Code.UNAUTHENTICATED, null));
        try (KeysideClient client = daemon.client().tokenFile(file).build()) {
            KeysideException same = assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
            daemon.before = () -> write("");
            KeysideException none = assertThrows(CallerUnauthenticatedException.class, () -> client.encrypt(ADA, ACME));
            assertEquals("CALLER_UNAUTHENTICATED: said the daemon", same.getMessage());
            assertEquals(same.getMessage(), none.getMessage());
        }
        assertEquals(2, daemon.requests.size());
    }

    private String token(int call) {
        return daemon.headers.get(call).get(Key.of("authorization", io.grpc.Metadata.ASCII_STRING_MARSHALLER));
    }

    private void write(String token) {
        try {
            Files.writeString(file, token);
        } catch (IOException unexpected) {
            throw new UncheckedIOException(unexpected);
        }
    }

    private void touch(FileTime instant) {
        try {
            Files.setLastModifiedTime(file, instant);
        } catch (IOException unexpected) {
            throw new UncheckedIOException(unexpected);
        }
    }
}
