package dev.keyside.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.keyside.client.internal.v1.CryptoServiceGrpc;
import dev.keyside.client.internal.v1.DecryptStreamRequest;
import dev.keyside.client.internal.v1.DecryptStreamResponse;
import dev.keyside.client.internal.v1.EncryptRequest;
import dev.keyside.client.internal.v1.EncryptResponse;
import dev.keyside.client.internal.v1.EncryptStreamOpened;
import dev.keyside.client.internal.v1.EncryptStreamRequest;
import dev.keyside.client.internal.v1.EncryptStreamResponse;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** A server that answers as it is told: each unary call takes the next answer, an unknown one is the request itself, "sealed". */
final class FakeDaemon extends CryptoServiceGrpc.CryptoServiceImplBase implements AutoCloseable {
    /** Answers nothing. */
    static final RuntimeException SILENCE = new RuntimeException("silence");

    final Queue<RuntimeException> failures = new ConcurrentLinkedQueue<>();
    final List<EncryptRequest> requests = new CopyOnWriteArrayList<>();
    final List<Metadata> headers = new CopyOnWriteArrayList<>();
    final List<Long> times = new CopyOnWriteArrayList<>();
    /** Of decrypted streams: what opened them. */
    final Queue<DecryptStreamRequest> opened = new ConcurrentLinkedQueue<>();
    /** What happens before a unary call is answered. */
    volatile Runnable before = () -> { };
    final CountDownLatch arrived = new CountDownLatch(1);
    final CountDownLatch cancelled = new CountDownLatch(1);
    /** Of streams: bytes that came. */
    final AtomicLong received = new AtomicLong();
    /** Of streams: where it fails; below 0 for never. */
    volatile long failsAfter = -1;
    /** Of streams: whether it takes anything after the first message. */
    volatile boolean isTaking = true;
    /** Of streams: whether it ends well before the caller has. */
    volatile boolean endsEarly;
    private final Server server;

    FakeDaemon() throws IOException {
        this(0);
    }

    FakeDaemon(int port) throws IOException {
        this(NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port)));
    }

    FakeDaemon(NettyServerBuilder builder) throws IOException {
        server = builder.addService(this)
                .intercept(new ServerInterceptor() {
                    @Override
                    public <Q, A> ServerCall.Listener<Q> interceptCall(
                            ServerCall<Q, A> call, Metadata sent, ServerCallHandler<Q, A> next) {
                        headers.add(sent);
                        times.add(System.nanoTime());
                        return next.startCall(call, sent);
                    }
                })
                .build()
                .start();
    }

    String address() {
        return "127.0.0.1:" + server.getPort();
    }

    KeysideClientBuilder client() {
        return KeysideClient.builder().environment(java.util.Map.of()).address(address());
    }

    static StatusRuntimeException failure(String reason, Code code, Integer retryMs) {
        com.google.rpc.Status.Builder status = com.google.rpc.Status.newBuilder()
                .setCode(code.value())
                .setMessage(reason + ": said the daemon")
                .addDetails(Any.pack(ErrorInfo.newBuilder()
                        .setDomain("keyside.dev")
                        .setReason(reason)
                        .putMetadata("tenantId", "acme")
                        .putMetadata("keyId", "acme-aws")
                        .build()));
        if (retryMs != null) {
            status.addDetails(Any.pack(RetryInfo.newBuilder()
                    .setRetryDelay(Duration.newBuilder().setNanos(retryMs * 1_000_000))
                    .build()));
        }
        return StatusProto.toStatusRuntimeException(status.build());
    }

    @Override
    public void encrypt(EncryptRequest request, StreamObserver<EncryptResponse> answer) {
        requests.add(request);
        ((ServerCallStreamObserver<EncryptResponse>) answer).setOnCancelHandler(cancelled::countDown);
        arrived.countDown();
        before.run();
        RuntimeException failure = failures.poll();
        if (failure == SILENCE) return;
        if (failure != null) {
            answer.onError(failure);
            return;
        }
        answer.onNext(EncryptResponse.newBuilder()
                .setEdek(ByteString.copyFromUtf8("edek"))
                .putAllFields(request.getFieldsMap())
                .build());
        answer.onCompleted();
    }

    /** An empty object. */
    @Override
    public StreamObserver<DecryptStreamRequest> decryptStream(StreamObserver<DecryptStreamResponse> answer) {
        return new StreamObserver<>() {
            @Override
            public void onNext(DecryptStreamRequest message) {
                if (message.hasOpen()) opened.add(message);
            }

            @Override
            public void onError(Throwable failure) {
                cancelled.countDown();
            }

            @Override
            public void onCompleted() {
                answer.onCompleted();
            }
        };
    }

    /** Sends back what comes. */
    @Override
    public StreamObserver<EncryptStreamRequest> encryptStream(StreamObserver<EncryptStreamResponse> observer) {
        var answer = (ServerCallStreamObserver<EncryptStreamResponse>) observer;
        answer.disableAutoRequest();
        answer.setOnCancelHandler(cancelled::countDown);
        // Takes no more than can be given back.
        AtomicBoolean isHeld = new AtomicBoolean();
        answer.setOnReadyHandler(() -> {
            if (isTaking && isHeld.compareAndSet(true, false)) answer.request(1);
        });
        answer.request(1);
        return new StreamObserver<>() {
            @Override
            public void onNext(EncryptStreamRequest message) {
                if (message.hasOpen()) {
                    answer.onNext(EncryptStreamResponse.newBuilder()
                            .setOpened(EncryptStreamOpened.newBuilder().setEdek(ByteString.copyFromUtf8("header")))
                            .build());
                    if (endsEarly) answer.onCompleted();
                } else if (failsAfter >= 0 && received.addAndGet(message.getChunk().size()) > failsAfter) {
                    answer.onError(failure("KEY_REVOKED", Code.FAILED_PRECONDITION, null));
                    return;
                } else {
                    if (failsAfter < 0) received.addAndGet(message.getChunk().size());
                    answer.onNext(EncryptStreamResponse.newBuilder().setChunk(message.getChunk()).build());
                }
                if (isTaking && answer.isReady()) answer.request(1);
                else isHeld.set(true);
            }

            @Override
            public void onError(Throwable failure) {
                cancelled.countDown();
            }

            @Override
            public void onCompleted() {
                answer.onCompleted();
            }
        };
    }

    /** Breaks off all calls. */
    @Override
    public void close() {
        try {
            server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
