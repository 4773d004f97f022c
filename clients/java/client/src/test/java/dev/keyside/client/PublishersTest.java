package dev.keyside.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Streams of reactive code. */
class PublishersTest {
    private static final Metadata ACME = Metadata.forTenant("acme");
    private static final int PIECE = 64 * 1024;

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

    /** Gives pieces as they are requested; {@code count} of them, then ends as it is told. */
    private static final class Source implements Flow.Publisher<ByteBuffer>, Flow.Subscription {
        final AtomicLong given = new AtomicLong();
        final CompletableFuture<Void> cancelled = new CompletableFuture<>();
        private final long count;
        private final Throwable failure;
        private Flow.Subscriber<? super ByteBuffer> subscriber;

        Source(long count, Throwable failure) {
            this.count = count;
            this.failure = failure;
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> to) {
            subscriber = to;
            to.onSubscribe(this);
        }

        @Override
        public void request(long wanted) {
            // Elsewhere, as a source of its own threads does it.
            CompletableFuture.runAsync(() -> {
                if (given.get() < count) {
                    given.incrementAndGet();
                    subscriber.onNext(ByteBuffer.wrap(Interop.pattern(PIECE, (int) given.get())));
                } else if (failure != null) {
                    subscriber.onError(failure);
                } else {
                    subscriber.onComplete();
                }
            });
        }

        @Override
        public void cancel() {
            cancelled.complete(null);
        }
    }

    /** Requests {@code atOnce} for ever, or, where that is 0, what a test requests. */
    static final class Sink implements Flow.Subscriber<ByteBuffer> {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final CompletableFuture<byte[]> ended = new CompletableFuture<>();
        final AtomicLong pieces = new AtomicLong();
        volatile Flow.Subscription subscription;
        private final long atOnce;

        Sink(long atOnce) {
            this.atOnce = atOnce;
        }

        @Override
        public void onSubscribe(Flow.Subscription to) {
            subscription = to;
            if (atOnce > 0) to.request(atOnce);
        }

        @Override
        public void onNext(ByteBuffer piece) {
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            bytes.writeBytes(copy);
            pieces.incrementAndGet();
            if (atOnce > 0) subscription.request(1);
        }

        @Override
        public void onError(Throwable failure) {
            ended.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            ended.complete(bytes.toByteArray());
        }

        Throwable failure() {
            return Assertions.assertThrows(ExecutionException.class, () -> ended.get(20, TimeUnit.SECONDS)).getCause();
        }
    }

    @Test
    void allComesThroughInOrder() throws Exception {
        Source source = new Source(40, null);
        Sink sink = new Sink(2);
        EncryptedPublisher sealed = client.encryptPublisher(source, ACME);
        sealed.subscribe(sink);
        byte[] bytes = sink.ended.get(20, TimeUnit.SECONDS);
        assertEquals(40 * PIECE, bytes.length);
        assertArrayEquals(Interop.pattern(PIECE, 40), java.util.Arrays.copyOfRange(bytes, 39 * PIECE, 40 * PIECE));
        assertArrayEquals("header".getBytes(UTF_8), sealed.edek().get(1, TimeUnit.SECONDS));
    }

    @Test
    void noMoreComesThanWasRequestedAndTheSourceIsHeldBack() throws Exception {
        Source source = new Source(Long.MAX_VALUE, null);
        Sink sink = new Sink(0);
        client.encryptPublisher(source, ACME).subscribe(sink);
        assertFalse(sink.ended.isDone());
        assertEquals(0, source.given.get());
        sink.subscription.request(3);
        for (long before = -1; sink.pieces.get() < 3 || before != source.given.get(); Thread.sleep(300)) {
            before = source.given.get();
            assertTrue(before * PIECE < 32 << 20, "pieces taken: " + before);
        }
        assertEquals(3, sink.pieces.get());
        sink.subscription.cancel();
        source.cancelled.get(10, TimeUnit.SECONDS);
        assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
        assertFalse(sink.ended.isDone());
    }

    @Test
    void anErrorOfTheDaemonEndsBothSides() throws Exception {
        daemon.failsAfter = 10 * PIECE;
        Source source = new Source(Long.MAX_VALUE, null);
        Sink sink = new Sink(1);
        client.encryptPublisher(source, ACME).subscribe(sink);
        assertInstanceOf(KeyRevokedException.class, sink.failure());
        source.cancelled.get(10, TimeUnit.SECONDS);
    }

    @Test
    void anErrorOfTheSourceComesOutAsItIs() throws Exception {
        IllegalStateException broken = new IllegalStateException("the disk");
        Sink sink = new Sink(1);
        client.encryptPublisher(new Source(3, broken), ACME).subscribe(sink);
        assertSame(broken, sink.failure());
        assertTrue(daemon.cancelled.await(10, TimeUnit.SECONDS));
    }

    @Test
    void aDaemonThatStandsStillIsGivenUp() {
        daemon.isTaking = false;
        Sink sink = new Sink(1);
        client.withTimeout(Duration.ofMillis(700)).encryptPublisher(new Source(1, null), ACME).subscribe(sink);
        assertInstanceOf(DeadlineExceededException.class, sink.failure());
    }

    @Test
    void itIsForOneSubscriberWhoRequestsSomething() {
        EncryptedPublisher sealed = client.encryptPublisher(new Source(1, null), ACME);
        Sink first = new Sink(0);
        sealed.subscribe(first);
        Sink second = new Sink(1);
        sealed.subscribe(second);
        assertInstanceOf(IllegalStateException.class, second.failure());
        first.subscription.request(0);
        assertInstanceOf(IllegalArgumentException.class, first.failure());
        assertTrue(sealed.edek().isCompletedExceptionally());
    }
}
