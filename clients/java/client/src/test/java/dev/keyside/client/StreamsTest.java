package dev.keyside.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Streams that a thread reads. */
class StreamsTest {
    private static final Metadata ACME = Metadata.forTenant("acme");

    private FakeDaemon daemon;
    private KeysideClient client;

    @BeforeEach
    void start() throws Exception {
        daemon = new FakeDaemon();
        client = daemon.client().build();
    }

    @AfterEach
    void stop() {
        client.close();
        daemon.close();
    }

    /** Bytes without end. */
    private static class Endless extends InputStream {
        long given;
        boolean isClosed;

        @Override
        public int read() {
            given++;
            return 7;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) {
            given += length;
            return length;
        }

        @Override
        public void close() {
            isClosed = true;
        }
    }

    @Test
    void theHeaderComesBeforeAnythingIsReadAndTheObjectIsWhole() throws IOException {
        byte[] plaintext = Interop.pattern(3_000_001, 5);
        AtomicBoolean isTouched = new AtomicBoolean();
        InputStream source = new FilterInputStream(new ByteArrayInputStream(plaintext)) {
            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                isTouched.set(true);
                return super.read(buffer, offset, length);
            }
        };
        try (EncryptedStream stream = client.encryptStream(source, ACME)) {
            assertArrayEquals("header".getBytes(UTF_8), stream.edek());
            assertEquals(false, isTouched.get());
            assertArrayEquals(plaintext, stream.readAllBytes());
            assertEquals(-1, stream.read());
        }
    }

    @Test
    void theSourceIsReadNoFasterThanTheDaemonTakes() throws Exception {
        daemon.isTaking = false;
        Endless source = new Endless();
        try (InputStream stream = client.withTimeout(Duration.ofMillis(700)).encryptStream(source, ACME)) {
            assertThrows(DeadlineExceededException.class, stream::read);
            assertTrue(source.given < 16 << 20, "read ahead: " + source.given);
        }
        assertTrue(source.isClosed);
        assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
    }

    @Test
    void anErrorWithinAStreamIsNoEndAndStaysAnError() {
        daemon.failsAfter = 1 << 20;
        InputStream stream = client.encryptStream(new Endless(), ACME);
        assertThrows(KeyRevokedException.class, stream::readAllBytes);
        assertThrows(KeyRevokedException.class, stream::read);
    }

    @Test
    void whatTheSourceThrowsComesOutAsItIs() throws Exception {
        IOException broken = new IOException("the disk");
        InputStream source = new InputStream() {
            @Override
            public int read() throws IOException {
                throw broken;
            }
        };
        InputStream stream = client.encryptStream(source, ACME);
        assertSame(broken, assertThrows(IOException.class, stream::read));
        assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
        assertThrows(IOException.class, stream::read);
    }

    @Test
    void aDaemonThatEndsBeforeTheSourceHasGivenNoWholeObject() {
        daemon.endsEarly = true;
        InputStream stream = client.encryptStream(new Endless(), ACME);
        assertThrows(InternalException.class, stream::readAllBytes);
    }

    @Test
    void closingEndsTheCallAndTheSource() throws Exception {
        Endless source = new Endless();
        InputStream stream = client.encryptStream(source, ACME);
        stream.readNBytes(10);
        stream.close();
        assertTrue(source.isClosed);
        assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
        assertThrows(IOException.class, stream::read);
    }

    @Test
    void anInterruptEndsAStream() {
        Thread.currentThread().interrupt();
        assertThrows(CancelledException.class, () -> client.encryptStream(new Endless(), ACME).read());
        assertTrue(Thread.interrupted());
    }

    @Test
    void whereNobodyListensAStreamFailsAtItsFirstByte() {
        String address = daemon.address();
        daemon.close();
        KeysideClient hasty = KeysideClient.builder()
                .environment(Map.of("KEYSIDE_ADDRESS", address))
                .connectTimeout(Duration.ZERO)
                .build();
        try (hasty; InputStream stream = hasty.encryptStream(new Endless(), ACME)) {
            assertThrows(UnavailableException.class, stream::read);
        } catch (IOException unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    @Test
    void numbersOfARangeAreChecked() {
        byte[] edek = new byte[0];
        assertThrows(RequestInvalidException.class, () -> new ObjectRange(edek, -1, 1, 1));
        assertThrows(RequestInvalidException.class, () -> new ObjectRange(edek, 0, ObjectRange.MAX + 1, 1));
        assertEquals(ObjectRange.MAX, ObjectRange.from(edek, 0, 1).length());
    }
}
