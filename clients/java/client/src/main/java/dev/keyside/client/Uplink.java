package dev.keyside.client;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;

/** Sends what a publisher gives, and asks it for more where there is room. */
final class Uplink<Q> implements Flow.Subscriber<ByteBuffer> {
    private final Direction<Q, ?> direction;
    private final DuplexCall<Q, ?> call;
    private final ObjectSubscription<Q, ?> run;
    private final AtomicBoolean isAsked = new AtomicBoolean();
    private volatile Flow.Subscription source;
    private volatile boolean isDone;
    private volatile boolean isStopped;

    Uplink(Direction<Q, ?> direction, DuplexCall<Q, ?> call, ObjectSubscription<Q, ?> run) {
        this.direction = direction;
        this.call = call;
        this.run = run;
    }

    /** Whether the source has ended, and the daemon knows. */
    boolean isDone() {
        return isDone;
    }

    /** Lets the source go. */
    void stop() {
        isStopped = true;
        Flow.Subscription from = source;
        if (from != null) from.cancel();
    }

    void pull() {
        Flow.Subscription from = source;
        if (from == null || isDone || isStopped || !call.isReady()) return;
        if (isAsked.compareAndSet(false, true)) from.request(1);
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        if (source != null || isStopped) {
            subscription.cancel();
            return;
        }
        source = subscription;
        pull();
    }

    @Override
    public void onNext(ByteBuffer bytes) {
        if (isStopped) return;
        ByteBuffer from = bytes.duplicate();
        while (from.hasRemaining()) {
            // A copy: the buffer is the source's again when this returns.
            ByteString piece = ByteString.copyFrom(from, Math.min(from.remaining(), Direction.PIECE_BYTES));
            call.send(direction.chunk().apply(piece));
        }
        isAsked.set(false);
        pull();
        run.watch();
    }

    @Override
    public void onError(Throwable failure) {
        run.abort(failure);
    }

    @Override
    public void onComplete() {
        if (isStopped) return;
        isDone = true;
        call.endSending();
        run.watch();
    }
}
