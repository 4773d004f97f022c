package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Context;
import io.grpc.Status.Code;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Daemons that do not answer, callers that do not wait. */
class EndingsTest {
    private static final Metadata ACME = Metadata.forTenant("acme");
    private static final PlaintextDocument ADA = PlaintextDocument.ofTexts(Map.of("name", "Ada"));

    private static KeysideClientBuilder clientOf(String address) {
        return KeysideClient.builder().environment(Map.of()).address(address);
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void whereNobodyListensTheErrorNamesTheAddress() throws Exception {
        String address = "127.0.0.1:" + freePort();
        try (KeysideClient client = clientOf(address).connectTimeout(Duration.ZERO).build()) {
            KeysideException failure = assertThrows(UnavailableException.class, () -> client.encrypt(ADA, ACME));
            assertEquals("UNAVAILABLE: no daemon answers at " + address + " (connection refused)", failure.getMessage());
            assertTrue(failure.isRetryable());
        }
    }

    @Test
    void thatIsSaidWhereTheDeadlineIsShortToo() throws Exception {
        String address = "127.0.0.1:" + freePort();
        try (KeysideClient client = clientOf(address).build()) {
            // It has tried once.
            KeysideClient hasty = client.withTimeout(Duration.ofSeconds(1));
            assertThrows(UnavailableException.class, () -> hasty.encrypt(ADA, ACME));
            KeysideClient brief = client.withTimeout(Duration.ofMillis(50));
            KeysideException failure = assertThrows(UnavailableException.class, () -> brief.encrypt(ADA, ACME));
            assertEquals("UNAVAILABLE: no daemon answers at " + address + " (connection refused)", failure.getMessage());
        }
    }

    /** Its backlog takes connections; nobody ever speaks. */
    @Test
    void whoTakesAConnectionAndSaysNothingIsNotWaitedForLonger() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                KeysideClient client = clientOf("127.0.0.1:" + silent.getLocalPort())
                        .timeout(Duration.ofMinutes(5))
                        .connectTimeout(Duration.ofMillis(300))
                        .build()) {
            CompletableFuture<EncryptedDocument> answer = client.encryptAsync(ADA, ACME);
            ExecutionException failure = assertThrows(ExecutionException.class, () -> answer.get(30, TimeUnit.SECONDS));
            assertEquals(UnavailableException.class, failure.getCause().getClass());
            assertTrue(failure.getCause().getMessage().endsWith("(it does not answer)"), failure.getCause().getMessage());
            CompletableFuture<Integer> read = CompletableFuture.supplyAsync(() -> firstByte(client));
            ExecutionException stream = assertThrows(ExecutionException.class, () -> read.get(30, TimeUnit.SECONDS));
            assertEquals(UnavailableException.class, stream.getCause().getClass());
            var sealed = client.encryptPublisher(new SubmissionPublisher<>(), ACME);
            sealed.subscribe(new Unwilling());
            ExecutionException published = assertThrows(ExecutionException.class, () -> sealed.edek().get(30, TimeUnit.SECONDS));
            assertEquals(UnavailableException.class, published.getCause().getClass());
        }
    }

    private static int firstByte(KeysideClient client) {
        try (InputStream stream = client.encryptStream(InputStream.nullInputStream(), ACME)) {
            return stream.read();
        } catch (IOException unexpected) {
            throw new UncheckedIOException(unexpected);
        }
    }

    private static final class Unwilling implements Flow.Subscriber<ByteBuffer> {
        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(1);
        }

        @Override
        public void onNext(ByteBuffer piece) {
            throw new IllegalStateException("there is nothing to be given");
        }

        @Override
        public void onError(Throwable failure) {
            // The publisher's EDEK tells it too.
        }

        @Override
        public void onComplete() {
            throw new IllegalStateException("it did not end well");
        }
    }

    /** Each would take 250 ms where an attempt on this machine were given its time. */
    @Test
    void aDeadlineThatIsShorterThanAnAttemptIsKept() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                KeysideClient client = clientOf("127.0.0.1:" + silent.getLocalPort()).timeout(Duration.ofMillis(5)).build()) {
            CompletableFuture<Void> all = CompletableFuture.runAsync(() -> {
                for (int at = 0; at < 200; at++) assertThrows(UnavailableException.class, () -> client.encrypt(ADA, ACME));
            });
            all.get(40, TimeUnit.SECONDS);
        }
    }

    @Test
    void aSocketThatIsNotThereIsSaid(@TempDir Path folder) {
        String address = "unix://" + folder.resolve("none.sock");
        try (KeysideClient client = clientOf(address).connectTimeout(Duration.ZERO).build()) {
            KeysideException failure = assertThrows(UnavailableException.class, () -> client.encrypt(ADA, ACME));
            assertEquals("UNAVAILABLE: no daemon answers at " + address + " (there is no such socket)", failure.getMessage());
        }
    }

    @Test
    void aDaemonThatIsStillStartingIsWaitedFor() throws Exception {
        int port = freePort();
        try (KeysideClient client = clientOf("127.0.0.1:" + port).timeout(Duration.ofSeconds(30)).connectTimeout(Duration.ofSeconds(30)).build()) {
            CompletableFuture<EncryptedDocument> answer = client.encryptAsync(ADA, ACME);
            Thread.sleep(400);
            assertFalse(answer.isDone());
            try (FakeDaemon daemon = new FakeDaemon(port)) {
                assertEquals(1, answer.get(20, TimeUnit.SECONDS).fields().size());
            }
        }
    }

    @Test
    void theDeadlineEndsACall() throws Exception {
        try (FakeDaemon daemon = new FakeDaemon(); KeysideClient client = daemon.client().build()) {
            client.encrypt(ADA, ACME);
            daemon.failures.add(FakeDaemon.SILENCE);
            KeysideException failure = assertThrows(
                    DeadlineExceededException.class, () -> client.withTimeout(Duration.ofMillis(300)).encrypt(ADA, ACME));
            assertEquals("DEADLINE_EXCEEDED: no answer from " + daemon.address() + " in time", failure.getMessage());
            assertTrue(failure.isRetryable());
        }
    }

    @Test
    void cancellingTheFutureEndsTheCallAtTheDaemon() throws Exception {
        try (FakeDaemon daemon = new FakeDaemon(); KeysideClient client = daemon.client().build()) {
            daemon.failures.add(FakeDaemon.SILENCE);
            CompletableFuture<EncryptedDocument> answer = client.encryptAsync(ADA, ACME);
            assertTrue(daemon.arrived.await(10, TimeUnit.SECONDS));
            assertTrue(answer.cancel(true));
            assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void anInterruptEndsTheCallAndStaysSet() throws Exception {
        try (FakeDaemon daemon = new FakeDaemon(); KeysideClient client = daemon.client().build()) {
            daemon.failures.add(FakeDaemon.SILENCE);
            CompletableFuture<Boolean> wasInterrupted = new CompletableFuture<>();
            Thread caller = new Thread(() -> {
                assertThrows(CancelledException.class, () -> client.encrypt(ADA, ACME));
                wasInterrupted.complete(Thread.currentThread().isInterrupted());
            });
            caller.start();
            assertTrue(daemon.arrived.await(10, TimeUnit.SECONDS));
            caller.interrupt();
            assertTrue(wasInterrupted.get(10, TimeUnit.SECONDS));
            assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void theContextOfGrpcEndsTheCallWhileItWaitsToo() throws Exception {
        var timer = Executors.newSingleThreadScheduledExecutor();
        try (KeysideClient client = clientOf("127.0.0.1:" + freePort()).build()) {
            Context.CancellableContext cancelled = Context.current().withCancellation();
            CompletableFuture<EncryptedDocument> first = cancelled.call(() -> client.encryptAsync(ADA, ACME));
            cancelled.cancel(null);
            Throwable cause = assertThrows(CompletionException.class, first::join).getCause();
            assertEquals(CancelledException.class, cause.getClass());
            Context.CancellableContext brief = Context.current().withDeadlineAfter(100, TimeUnit.MILLISECONDS, timer);
            CompletableFuture<EncryptedDocument> second = brief.call(() -> client.encryptAsync(ADA, ACME));
            Throwable late = assertThrows(CompletionException.class, second::join).getCause();
            assertTrue(((KeysideException) late).isRetryable());
        } finally {
            timer.shutdownNow();
        }
    }

    @Test
    void aConnectionThatBreaksLeavesOpenWhatBecameOfTheCall() throws Exception {
        FakeDaemon daemon = new FakeDaemon();
        try (KeysideClient client = daemon.client().build()) {
            daemon.failures.add(FakeDaemon.SILENCE);
            CompletableFuture<EncryptedDocument> answer = client.encryptAsync(ADA, ACME);
            assertTrue(daemon.arrived.await(10, TimeUnit.SECONDS));
            daemon.close();
            Throwable cause = assertThrows(CompletionException.class, answer::join).getCause();
            assertEquals(UnavailableException.class, cause.getClass());
        }
        assertEquals(1, daemon.requests.size());
    }

    @Test
    void aClosedClientTakesNoCalls() throws Exception {
        try (FakeDaemon daemon = new FakeDaemon()) {
            KeysideClient client = daemon.client().build();
            client.encrypt(ADA, ACME);
            client.close();
            assertThrows(CancelledException.class, () -> client.encrypt(ADA, ACME));
        }
    }

    @Test
    void closingEndsACallThatWaitsForItsNextAttempt() throws Exception {
        try (FakeDaemon daemon = new FakeDaemon()) {
            daemon.failures.add(FakeDaemon.failure("OVERLOADED", Code.RESOURCE_EXHAUSTED, 500));
            KeysideClient client = daemon.client().build();
            CompletableFuture<EncryptedDocument> answer = client.encryptAsync(ADA, ACME);
            assertTrue(daemon.arrived.await(10, TimeUnit.SECONDS));
            Thread.sleep(100);
            client.close();
            ExecutionException failure = assertThrows(ExecutionException.class, () -> answer.get(10, TimeUnit.SECONDS));
            assertEquals(CancelledException.class, failure.getCause().getClass());
            assertEquals(1, daemon.requests.size());
        }
    }
}
