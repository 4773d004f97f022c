package dev.keyside.client;

import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** One call with all its attempts. */
final class UnaryCall<Q, A, T> {
    /** What a wait before a retry is longer at most than the daemon says, so that not all come back at once. */
    private static final double JITTER = 0.2;

    private final Connection connection;
    private final Request<Q, A, T> request;
    private final Deadline deadline;
    private final int maxAttempts;
    /** The caller's, which is not that of the threads that go on with the call. */
    private final Context context = Context.current();
    private final Metadata trace = Connection.traceOfCaller();
    private final CompletableFuture<T> result = new CompletableFuture<>();
    private final AtomicBoolean isTokenReplaced = new AtomicBoolean();
    private volatile ClientCall<Q, A> attempt;

    private UnaryCall(Connection connection, Request<Q, A, T> request, CallLimits limits) {
        this.connection = connection;
        this.request = request;
        this.maxAttempts = limits.maxAttempts();
        Deadline own = Deadline.after(Connection.nanos(limits.timeout()), TimeUnit.NANOSECONDS);
        this.deadline = context.getDeadline() == null ? own : own.minimum(context.getDeadline());
    }

    /** Begins it. The future fails with a {@link KeysideException}; cancelling it ends the call at the daemon too. */
    static <Q, A, T> CompletableFuture<T> start(
            Connection connection, Supplier<Request<Q, A, T>> request, CallLimits limits) {
        UnaryCall<Q, A, T> call;
        try {
            call = new UnaryCall<>(connection, request.get(), limits);
        } catch (KeysideException unfit) {
            return CompletableFuture.failedFuture(unfit);
        }
        return call.run();
    }

    private CompletableFuture<T> run() {
        Executor here = Runnable::run;
        Context.CancellationListener ended = this::contextEnded;
        context.addListener(ended, here);
        result.whenComplete((answer, failure) -> {
            context.removeListener(ended);
            // Whoever cancelled the future wants nothing more of it.
            ClientCall<Q, A> last = attempt;
            if (failure != null && last != null) last.cancel("the caller cancelled the call", null);
        });
        connect(1);
        return result;
    }

    private void contextEnded(Context ended) {
        boolean isLate = ended.cancellationCause() instanceof TimeoutException;
        fail(isLate ? Errors.late(connection.address) : Errors.cancelled("the caller cancelled the call"));
    }

    private void connect(int number) {
        connection.ready(deadline.timeRemaining(TimeUnit.NANOSECONDS)).thenRun(() -> attempt(number)).exceptionally(failure -> {
            fail(Errors.within(failure, "the call cannot be made"));
            return null;
        });
    }

    private void attempt(int number) {
        if (result.isDone()) return;
        if (connection.isClosed()) {
            fail(Errors.cancelled("the client is closed"));
            return;
        }
        SentTracer tracer = new SentTracer();
        Context before = context.attach();
        try {
            Metadata headers = connection.headers(trace);
            // The transport adds its own to those that it is given.
            Metadata sent = new Metadata();
            sent.merge(headers);
            ClientCall<Q, A> call = connection.begin(request.method(), deadline, tracer);
            call.start(new Listener(number, tracer, headers), sent);
            attempt = call;
            // Cancelled between the two: the call was not to be seen yet.
            if (result.isDone()) call.cancel("the caller cancelled the call", null);
            call.request(2);
            call.sendMessage(request.message());
            call.halfClose();
        } catch (KeysideException unfit) {
            fail(unfit);
        } catch (RuntimeException unexpected) {
            fail(Errors.unexpected("the request cannot be sent", unexpected));
        } finally {
            context.detach(before);
        }
    }

    /** What the daemon refused for its token it has not carried out; one that started anew may have made another meanwhile. */
    private boolean isRefusedForAnOldToken(KeysideException failure, Metadata headers) {
        return failure instanceof CallerUnauthenticatedException
                && connection.isTokenReplaced(headers)
                && isTokenReplaced.compareAndSet(false, true);
    }

    /** Waits as long as the daemon says, where it says so and there is time. */
    private void failed(KeysideException failure, int number) {
        long delay = failure.retryAfter().map(UnaryCall::withJitter).orElse(-1L);
        if (delay < 0 || number >= maxAttempts || delay >= deadline.timeRemaining(TimeUnit.NANOSECONDS)) {
            fail(failure);
            return;
        }
        var next = connection.timer.schedule(() -> connect(number + 1), delay, TimeUnit.NANOSECONDS);
        result.whenComplete((answer, ended) -> next.cancel(false));
    }

    private static long withJitter(Duration retryAfter) {
        double factor = 1 + JITTER * ThreadLocalRandom.current().nextDouble();
        return (long) Math.min(Connection.nanos(retryAfter) * factor, Long.MAX_VALUE / 2.0);
    }

    private void succeed(A answer) {
        try {
            result.complete(request.convert().apply(answer));
        } catch (KeysideException unfit) {
            fail(unfit);
        }
    }

    private void fail(KeysideException failure) {
        result.completeExceptionally(failure);
    }

    private final class Listener extends ClientCall.Listener<A> {
        private final int number;
        private final SentTracer tracer;
        private final Metadata headers;
        private A answer;
        private boolean isMore;

        Listener(int number, SentTracer tracer, Metadata headers) {
            this.number = number;
            this.tracer = tracer;
            this.headers = headers;
        }

        @Override
        public void onMessage(A message) {
            isMore = answer != null;
            answer = message;
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            if (!status.isOk()) {
                KeysideException failure = Statuses.failure(status, trailers, connection.address, tracer.wasSent());
                if (isRefusedForAnOldToken(failure, headers)) connect(number);
                else failed(failure, number);
            } else if (answer == null || isMore) {
                fail(Errors.unexpected("the answer is not one message", null));
            } else {
                succeed(answer);
            }
        }
    }
}
