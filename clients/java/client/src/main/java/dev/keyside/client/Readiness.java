package dev.keyside.client;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
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
    /** In nanoseconds: what an attempt on this machine needs, where a call may make no more than one. */
    private static final long ATTEMPT_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final ManagedChannel channel;
    private final ScheduledExecutorService timer;
    private final Set<CompletableFuture<Void>> waiting = ConcurrentHashMap.newKeySet();
    /** One watches for all who wait: a channel forgets nobody who watches it until its state changes, and a daemon can be away for days. */
    private final AtomicBoolean isWatched = new AtomicBoolean();
    private final AtomicBoolean isPrompted = new AtomicBoolean();

    Readiness(ManagedChannel channel, ScheduledExecutorService timer) {
        this.channel = channel;
        this.timer = timer;
    }

    /**
     * Completes when there is a connection, or when the time is up; a call that begins then fails by itself, and says why. Never fails.
     */
    CompletableFuture<Void> await(long nanos) {
        if (isOver()) return CompletableFuture.completedFuture(null);
        CompletableFuture<Void> ready = new CompletableFuture<>();
        waiting.add(ready);
        var expiry = timer.schedule(() -> ready.complete(null), Math.max(nanos, ATTEMPT_NANOS), TimeUnit.NANOSECONDS);
        ready.whenComplete((nothing, failure) -> {
            expiry.cancel(false);
            waiting.remove(ready);
        });
        watch();
        if (isPrompted.compareAndSet(false, true)) prompt(FIRST_PAUSE_MS);
        return ready;
    }

    private boolean isOver() {
        return channel.isShutdown() || channel.getState(true) == ConnectivityState.READY;
    }

    private void watch() {
        if (isOver()) {
            waiting.forEach(ready -> ready.complete(null));
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
