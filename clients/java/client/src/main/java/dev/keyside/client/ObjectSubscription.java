package dev.keyside.client;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * One run of an {@link ObjectPublisher}. What the subscriber is told comes from the call's own thread, one thing at a time; whatever ends
 * the run elsewhere is kept as its cause and ends the call, which then tells it.
 */
final class ObjectSubscription<Q, A> implements Flow.Subscription, DuplexCall.Events<A> {
    private final ObjectPublisher<Q, A> publisher;
    private final Flow.Subscriber<? super ByteBuffer> subscriber;
    private DuplexCall<Q, A> call;
    private Uplink<Q> uplink;
    private long demand;
    private boolean isBegun;
    private boolean hasEnded;
    private boolean isCancelled;
    private Throwable cause;
    private Future<?> timer;

    ObjectSubscription(ObjectPublisher<Q, A> publisher, Flow.Subscriber<? super ByteBuffer> subscriber) {
        this.publisher = publisher;
        this.subscriber = subscriber;
    }

    @Override
    public void request(long count) {
        if (count <= 0) {
            abort(new IllegalArgumentException("at least one must be requested"));
            return;
        }
        boolean begins;
        synchronized (this) {
            if (hasEnded) return;
            demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
            if (call != null) call.request((int) Math.min(count, Integer.MAX_VALUE));
            begins = !isBegun;
            isBegun = true;
        }
        if (begins) begin();
        watch();
    }

    @Override
    public void cancel() {
        synchronized (this) {
            isCancelled = true;
        }
        abort(Errors.cancelled("the subscriber cancelled the stream"));
    }

    /** Ends the run; the first cause is told. */
    void abort(Throwable why) {
        DuplexCall<Q, A> running;
        synchronized (this) {
            if (hasEnded) return;
            if (cause == null) cause = why;
            running = call;
        }
        if (running != null) running.cancel();
        else onEnd(null);
    }

    private void begin() {
        try {
            Q open = publisher.plan.open().get();
            var trace = Connection.traceOfCaller();
            long limit = Connection.nanos(publisher.timeout);
            publisher.connection.ready(limit).thenRun(() -> start(open, trace)).exceptionally(failure -> {
                abort(Errors.within(failure, "the stream cannot be opened"));
                return null;
            });
        } catch (KeysideException unfit) {
            abort(unfit);
        }
    }

    private void start(Q open, io.grpc.Metadata trace) {
        if (publisher.connection.isClosed()) {
            abort(Errors.cancelled("the client is closed"));
            return;
        }
        synchronized (this) {
            if (hasEnded || cause != null) return;
            var headers = publisher.connection.headers(trace);
            call = DuplexCall.start(publisher.connection, publisher.plan.direction().method(), headers, this);
            // One more for the daemon's first answer, which the subscriber is not given.
            call.request((int) Math.min(demand, Integer.MAX_VALUE - 1) + 1);
            call.send(open);
        }
        if (!publisher.plan.waits()) subscribeToSource();
        watch();
    }

    private void subscribeToSource() {
        Uplink<Q> up = new Uplink<>(publisher.plan.direction(), call, this);
        synchronized (this) {
            if (hasEnded) return;
            uplink = up;
        }
        publisher.source.subscribe(up);
    }

    @Override
    public void onMessage(A message) {
        if (publisher.plan.direction().isOpened().test(message)) {
            publisher.opened().complete(message);
            if (publisher.plan.waits() && uplink == null) subscribeToSource();
            watch();
            return;
        }
        ByteString bytes = publisher.plan.direction().bytes().apply(message);
        boolean isWanted;
        synchronized (this) {
            isWanted = cause == null && !bytes.isEmpty();
            if (isWanted && demand != Long.MAX_VALUE) demand--;
        }
        if (isWanted) deliver(bytes);
        else call.request(1);
        watch();
    }

    private void deliver(ByteString bytes) {
        try {
            subscriber.onNext(bytes.asReadOnlyByteBuffer());
        } catch (RuntimeException broken) {
            cancel();
        }
    }

    @Override
    public void onReady() {
        if (uplink != null) uplink.pull();
        watch();
    }

    @Override
    public void onEnd(KeysideException failure) {
        Throwable why;
        synchronized (this) {
            if (hasEnded) return;
            hasEnded = true;
            why = cause != null ? cause : failure;
            if (why == null && (uplink == null || !uplink.isDone())) why = Direction.outOfOrder();
            if (timer != null) timer.cancel(false);
        }
        if (uplink != null && !uplink.isDone()) uplink.stop();
        if (why != null) publisher.opened().completeExceptionally(why);
        if (isCancelled) return;
        if (why == null) subscriber.onComplete();
        else subscriber.onError(why);
    }

    /** The time runs while the subscriber waits for the daemon, and the daemon for nobody. */
    synchronized void watch() {
        if (timer != null) timer.cancel(false);
        if (hasEnded || call == null || demand == 0) return;
        boolean isDaemonsTurn = uplink == null || uplink.isDone() || !call.isReady();
        if (!isDaemonsTurn) return;
        timer = publisher.connection.timer.schedule(
                () -> abort(Errors.late(publisher.connection.address)),
                Connection.nanos(publisher.timeout),
                TimeUnit.NANOSECONDS);
    }
}
