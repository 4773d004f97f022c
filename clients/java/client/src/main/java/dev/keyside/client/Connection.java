package dev.keyside.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Calls of one daemon: what belongs to all of them. Shared by all clients that were derived from one. */
final class Connection {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    /** Of one attempt, in milliseconds. */
    private static final int ATTEMPT_MS = 5_000;
    /** In nanoseconds: what an attempt on this machine needs, where a call may make no more than one. */
    private static final long ONE_ATTEMPT_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    final String address;
    final ScheduledExecutorService timer;
    private final ManagedChannel channel;
    private final EventLoopGroup group;
    private final TokenFile tokenFile;
    private final Readiness readiness;
    private final long connectNanos;

    /** @throws IllegalArgumentException as {@link Target#of} */
    Connection(String address, TlsFiles tls, Path tokenFile, Duration connectTimeout) {
        this.address = address;
        Target target = Target.of(address, tls);
        this.group = target.group();
        this.channel = target.channel()
                .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, ATTEMPT_MS)
                .maxInboundMessageSize(Integer.MAX_VALUE)
                .disableServiceConfigLookUp()
                // What a proxy of the environment would see is plaintext.
                .proxyDetector(server -> null)
                .userAgent("keyside-client-java")
                .build();
        this.timer = newTimer();
        this.readiness = new Readiness(channel, timer);
        this.tokenFile = tokenFile == null ? null : new TokenFile(tokenFile);
        this.connectNanos = Math.max(nanos(connectTimeout), ONE_ATTEMPT_NANOS);
    }

    /** As many as there are: hundreds of years are for ever. */
    static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException tooLong) {
            return Long.MAX_VALUE / 2;
        }
    }

    /** What the caller's thread says of a call, whatever threads go on with it. */
    static Metadata traceOfCaller() {
        Metadata trace = new Metadata();
        TraceContext.addTo(trace);
        return trace;
    }

    /**
     * Headers of one attempt, with the token as it is now. Precondition: {@link #ready}, for a daemon that is starting may be making it.
     *
     * @throws CallerUnauthenticatedException where there is to be a token and is none
     */
    Metadata headers(Metadata trace) {
        Metadata headers = new Metadata();
        headers.merge(trace);
        if (tokenFile != null) headers.put(AUTHORIZATION, tokenFile.authorization());
        return headers;
    }

    /** Whether the file holds another token by now than these headers. */
    boolean isTokenReplaced(Metadata headers) {
        if (tokenFile == null) return false;
        try {
            return !tokenFile.readAnew().equals(headers.get(AUTHORIZATION));
        } catch (CallerUnauthenticatedException none) {
            // What the daemon said of the token that was sent is the better answer.
            return false;
        }
    }

    /**
     * Completes when a call may begin: there is a connection, or the client is closed. Fails with an {@link UnavailableException} that
     * says why there is none when the time is up.
     *
     * @param limitNanos how much time the call has
     */
    CompletableFuture<Void> ready(long limitNanos) {
        return readiness.await(Math.min(connectNanos, limitNanos)).thenCompose(isReady -> isReady
                ? CompletableFuture.completedFuture(null)
                : readiness.reason().thenApply(cause -> {
                    throw Errors.unreachable(address, cause);
                }));
    }

    /** A call that ends at the deadline; null for none. Nothing is sent yet. */
    <Q, A> ClientCall<Q, A> begin(MethodDescriptor<Q, A> method, Deadline deadline, SentTracer tracer) {
        CallOptions options = CallOptions.DEFAULT.withStreamTracerFactory(tracer);
        return channel.newCall(method, deadline == null ? options : options.withDeadline(deadline));
    }

    boolean isClosed() {
        return channel.isShutdown();
    }

    /** Calls under way end first. */
    void close() {
        channel.shutdown();
        if (group == null) return;
        // Ends what the calls need only after them.
        Thread end = new Thread(this::awaitEnd, "keyside-client-close");
        end.setDaemon(true);
        end.start();
    }

    private void awaitEnd() {
        try {
            while (!channel.awaitTermination(1, TimeUnit.HOURS)) continue;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    private static ScheduledExecutorService newTimer() {
        ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "keyside-client-timer");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        // Its thread ends by itself, so nothing that still waits is forgotten when the client is closed.
        timer.setKeepAliveTime(1, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        return timer;
    }
}
