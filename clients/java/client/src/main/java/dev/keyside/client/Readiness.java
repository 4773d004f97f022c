package dev.keyside.client;

import dev.keyside.client.internal.v1.HealthCheckRequest;
import dev.keyside.client.internal.v1.HealthCheckResponse;
import dev.keyside.client.internal.v1.HealthGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Waits for a daemon that is still starting. gRPC for Java has no setting for how often it tries to connect, a second and more; while
 * somebody waits it is told to try at once, after 100 ms first, and never more than a second later.
 */
final class Readiness {
    private static final long FIRST_PAUSE_MS = 100;
    private static final long LONGEST_PAUSE_MS = 1_000;
    /** In milliseconds: the channel knows the reason by then, and says it at once. */
    private static final long REASON_MS = 100;

    private final ManagedChannel channel;
    private final ScheduledExecutorService timer;
    private final Set<CompletableFuture<Boolean>> waiting = ConcurrentHashMap.newKeySet();
    /** One watches for all who wait: a channel forgets nobody who watches it until its state changes, and a daemon can be away for days. */
    private final AtomicBoolean isWatched = new AtomicBoolean();
    private final AtomicBoolean isPrompted = new AtomicBoolean();

    Readiness(ManagedChannel channel, ScheduledExecutorService timer) {
        this.channel = channel;
        this.timer = timer;
    }

    /** Completes with true when there is a connection, or never will be one; with false when the time is up before. Never fails. */
    CompletableFuture<Boolean> await(long nanos) {
        if (isOver()) return CompletableFuture.completedFuture(true);
        CompletableFuture<Boolean> ready = new CompletableFuture<>();
        waiting.add(ready);
        var expiry = timer.schedule(() -> ready.complete(isOver()), nanos, TimeUnit.NANOSECONDS);
        ready.whenComplete((isReady, failure) -> {
            expiry.cancel(false);
            waiting.remove(ready);
        });
        watch();
        if (isPrompted.compareAndSet(false, true)) prompt(FIRST_PAUSE_MS);
        return ready;
    }

    /**
     * Why there is no connection: null where nothing is known but that nobody answers. A channel tells it to calls alone, and where it
     * has failed to connect it does so at once. The call asks for the daemon's health, so that no harm is done where there is a daemon
     * by now. Never fails.
     */
    CompletableFuture<Throwable> reason() {
        if (channel.getState(false) != ConnectivityState.TRANSIENT_FAILURE) return CompletableFuture.completedFuture(null);
        CompletableFuture<Throwable> reason = new CompletableFuture<>();
        CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(REASON_MS, TimeUnit.MILLISECONDS);
        ClientCall<HealthCheckRequest, HealthCheckResponse> call = channel.newCall(HealthGrpc.getCheckMethod(), options);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        reason.complete(status.getCode() == Status.Code.UNAVAILABLE ? Statuses.reasonOf(status) : null);
                    }
                },
                new Metadata());
        call.request(1);
        call.sendMessage(HealthCheckRequest.getDefaultInstance());
        call.halfClose();
        return reason;
    }

    private boolean isOver() {
        return channel.isShutdown() || channel.getState(true) == ConnectivityState.READY;
    }

    private void watch() {
        if (isOver()) {
            waiting.forEach(ready -> ready.complete(true));
        } else if (isWatched.compareAndSet(false, true)) {
            channel.notifyWhenStateChanged(channel.getState(true), this::changed);
        }
    }

    private void changed() {
        isWatched.set(false);
        if (!waiting.isEmpty()) watch();
    }

    /** As long as anybody waits. */
    private void prompt(long pauseMs) {
        if (channel.getState(true) == ConnectivityState.TRANSIENT_FAILURE) channel.resetConnectBackoff();
        timer.schedule(() -> promptAgain(Math.min(pauseMs * 2, LONGEST_PAUSE_MS)), pauseMs, TimeUnit.MILLISECONDS);
    }

    private void promptAgain(long pauseMs) {
        // A change may have come between two looks.
        watch();
        if (!waiting.isEmpty()) {
            prompt(pauseMs);
            return;
        }
        isPrompted.set(false);
        if (!waiting.isEmpty() && isPrompted.compareAndSet(false, true)) prompt(FIRST_PAUSE_MS);
    }
}
