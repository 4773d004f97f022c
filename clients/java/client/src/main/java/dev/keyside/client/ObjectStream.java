package dev.keyside.client;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ExecutionException;

/**
 * A stream through the daemon, driven by the thread that reads it: that thread sends a piece where there is room, else takes what came,
 * else waits. So nothing runs ahead, and no thread has to be found and ended.
 */
final class ObjectStream<Q, A> extends InputStream {
    /** How many messages may be on their way to this side. */
    private static final int AHEAD = 4;

    private final Connection connection;
    private final StreamPlan<Q, A> plan;
    private final long timeoutNanos;
    private final Inbox<A> inbox = new Inbox<>();
    private volatile DuplexCall<Q, A> call;
    private volatile boolean isClosed;
    private Pieces source;
    private A opened;
    private ByteBuffer rest = ByteBuffer.allocate(0);
    private boolean isSent;
    private boolean isWhole;
    private Exception failure;

    ObjectStream(Connection connection, StreamPlan<Q, A> plan, Duration timeout) {
        this.connection = connection;
        this.plan = plan;
        this.timeoutNanos = Connection.nanos(timeout);
    }

    /** The daemon's first answer, before anything of the source is read. Precondition: the plan waits for it. */
    A opened() throws IOException {
        guarded(this::begin);
        return opened;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, buffer.length);
        if (isClosed) throw new IOException("the stream is closed");
        if (length == 0) return 0;
        if (!rest.hasRemaining()) guarded(this::fill);
        if (!rest.hasRemaining()) return -1;
        int count = Math.min(length, rest.remaining());
        rest.get(buffer, offset, count);
        return count;
    }

    @Override
    public int available() {
        return rest.remaining();
    }

    @Override
    public void close() throws IOException {
        isClosed = true;
        DuplexCall<Q, A> last = call;
        if (last != null && !isWhole) last.cancel();
        Pieces from = source == null ? plan.source().apply(null) : source;
        from.close();
    }

    private interface Step {
        void run() throws IOException;
    }

    /** What failed once has failed for good: an end after an error would be taken for the object's. */
    private void guarded(Step step) throws IOException {
        if (isClosed) throw new IOException("the stream is closed");
        if (failure instanceof KeysideException known) throw known.here();
        if (failure != null) throw new IOException("the stream has failed before", failure);
        try {
            step.run();
        } catch (IOException | RuntimeException cause) {
            failure = cause;
            rest = ByteBuffer.allocate(0);
            if (call != null) call.cancel();
            throw cause;
        }
    }

    private void begin() throws IOException {
        if (call != null) return;
        Q open = plan.open().get();
        awaitConnection();
        var headers = connection.headers(Connection.traceOfCaller());
        call = DuplexCall.start(connection, plan.direction().method(), headers, inbox);
        call.request(AHEAD);
        call.send(open);
        if (plan.waits()) {
            opened = awaitMessage();
            if (opened == null || !plan.direction().isOpened().test(opened)) throw Direction.outOfOrder();
        }
        source = plan.source().apply(opened);
    }

    private void fill() throws IOException {
        begin();
        while (!rest.hasRemaining() && !isWhole) {
            long known = inbox.happened();
            A message = inbox.poll();
            if (message != null) {
                take(message);
            } else if (inbox.hasEnded()) {
                end();
            } else if (!isSent && call.isReady()) {
                sendPiece();
            } else {
                await(known);
            }
        }
    }

    private void take(A message) {
        call.request(1);
        rest = plan.direction().bytes().apply(message).asReadOnlyByteBuffer();
    }

    private void end() {
        if (inbox.failure() != null) throw inbox.failure().here();
        if (!isSent) throw Direction.outOfOrder();
        isWhole = true;
    }

    private void sendPiece() throws IOException {
        ByteString piece = source.next();
        if (piece == null) {
            isSent = true;
            call.endSending();
        } else if (!piece.isEmpty()) {
            call.send(plan.direction().chunk().apply(piece));
        }
    }

    private A awaitMessage() {
        for (;;) {
            long known = inbox.happened();
            A message = inbox.poll();
            if (message != null) {
                call.request(1);
                return message;
            }
            if (inbox.hasEnded()) {
                if (inbox.failure() != null) throw inbox.failure().here();
                return null;
            }
            await(known);
        }
    }

    /** It is the daemon's turn. */
    private void await(long known) {
        try {
            if (!inbox.await(known, timeoutNanos)) throw Errors.late(connection.address);
        } catch (InterruptedException interrupted) {
            throw Waiting.interrupted();
        }
    }

    private void awaitConnection() {
        try {
            connection.ready(timeoutNanos).get();
        } catch (InterruptedException interrupted) {
            throw Waiting.interrupted();
        } catch (ExecutionException failed) {
            throw Errors.within(failed.getCause(), "the stream cannot be opened").here();
        }
        if (connection.isClosed()) throw Errors.cancelled("the client is closed");
    }
}
