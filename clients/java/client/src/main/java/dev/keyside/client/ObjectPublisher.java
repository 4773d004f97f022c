package dev.keyside.client;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;

/** A stream through the daemon for one subscriber: what it asks for is asked of the daemon, and the daemon's pace is the source's. */
final class ObjectPublisher<Q, A> implements Flow.Publisher<ByteBuffer> {
    final Connection connection;
    final StreamPlan<Q, A> plan;
    final Flow.Publisher<ByteBuffer> source;
    final Duration timeout;
    private final AtomicBoolean isTaken = new AtomicBoolean();
    private final CompletableFuture<A> opened = new CompletableFuture<>();

    /** The plan's own source is not used. */
    ObjectPublisher(Connection connection, StreamPlan<Q, A> plan, Flow.Publisher<ByteBuffer> source, Duration timeout) {
        this.connection = connection;
        this.plan = plan;
        this.source = Objects.requireNonNull(source, "source");
        this.timeout = timeout;
    }

    CompletableFuture<A> opened() {
        return opened;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
        Objects.requireNonNull(subscriber, "subscriber");
        if (isTaken.compareAndSet(false, true)) {
            subscriber.onSubscribe(new ObjectSubscription<>(this, subscriber));
            return;
        }
        subscriber.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long count) {
                // Nothing comes of it: the error is on its way.
            }

            @Override
            public void cancel() {
                // Nothing is under way.
            }
        });
        subscriber.onError(new IllegalStateException("the stream was taken before: it can be once"));
    }
}
