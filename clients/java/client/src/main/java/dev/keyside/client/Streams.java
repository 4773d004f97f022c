package dev.keyside.client;

import com.google.protobuf.ByteString;
import dev.keyside.client.internal.v1.ByteRange;
import dev.keyside.client.internal.v1.DecryptStreamOpen;
import dev.keyside.client.internal.v1.DecryptStreamRequest;
import dev.keyside.client.internal.v1.DecryptStreamResponse;
import dev.keyside.client.internal.v1.EncryptStreamOpen;
import dev.keyside.client.internal.v1.EncryptStreamRequest;
import dev.keyside.client.internal.v1.EncryptStreamResponse;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.function.Supplier;

/** Streams of a client: what each of them says first, and what it sends then. */
record Streams(Connection connection, Metadata defaults, Duration timeout) {
    EncryptedStream encrypt(InputStream plaintext, Metadata metadata, boolean isDetached) {
        Objects.requireNonNull(plaintext, "plaintext");
        var plan = new StreamPlan<>(
                Direction.ENCRYPT, sealing(metadata, isDetached), true, (EncryptStreamResponse opened) -> Pieces.of(plaintext));
        return new EncryptedStream(new ObjectStream<>(connection, plan, timeout));
    }

    EncryptedPublisher encrypt(Flow.Publisher<ByteBuffer> plaintext, Metadata metadata, boolean isDetached) {
        var plan = new StreamPlan<EncryptStreamRequest, EncryptStreamResponse>(
                Direction.ENCRYPT, sealing(metadata, isDetached), true, null);
        return new EncryptedPublisher(new ObjectPublisher<>(connection, plan, plaintext, timeout));
    }

    /** A null EDEK stands at the beginning of the object. */
    InputStream decrypt(byte[] edek, InputStream sealed, Metadata metadata) {
        Objects.requireNonNull(sealed, "sealed");
        var plan = new StreamPlan<>(
                Direction.DECRYPT, opening(edek, metadata), false, (DecryptStreamResponse opened) -> Pieces.of(sealed));
        return new ObjectStream<>(connection, plan, timeout);
    }

    Flow.Publisher<ByteBuffer> decrypt(byte[] edek, Flow.Publisher<ByteBuffer> sealed, Metadata metadata) {
        var plan = new StreamPlan<DecryptStreamRequest, DecryptStreamResponse>(
                Direction.DECRYPT, opening(edek, metadata), false, null);
        return new ObjectPublisher<>(connection, plan, sealed, timeout);
    }

    InputStream range(ObjectRange range, RangeReader body, Metadata metadata) {
        Objects.requireNonNull(body, "body");
        ByteString edek = Answers.optional(range.edek());
        ByteRange part = ByteRange.newBuilder()
                .setOffset(range.offset())
                .setLength(range.length())
                .setObjectSize(range.objectSize())
                .build();
        Supplier<DecryptStreamRequest> open =
                () -> DecryptStreamRequest.newBuilder().setOpen(opened(edek, metadata).setRange(part)).build();
        var plan = new StreamPlan<>(Direction.DECRYPT, open, true, (DecryptStreamResponse answer) ->
                Pieces.of(answer == null ? List.of() : answer.getOpened().getSpansList(), body));
        return new ObjectStream<>(connection, plan, timeout);
    }

    private Supplier<EncryptStreamRequest> sealing(Metadata metadata, boolean isDetached) {
        Objects.requireNonNull(metadata, "metadata");
        return () -> EncryptStreamRequest.newBuilder()
                .setOpen(EncryptStreamOpen.newBuilder()
                        .setTenantId(Requests.tenant(metadata))
                        .setMetadata(metadata.toWire(defaults))
                        .putAllContext(Requests.context(metadata))
                        .setDetached(isDetached))
                .build();
    }

    private Supplier<DecryptStreamRequest> opening(byte[] edek, Metadata metadata) {
        Objects.requireNonNull(metadata, "metadata");
        // Now: the array is the caller's, and the stream is opened later.
        ByteString header = Answers.optional(edek);
        return () -> DecryptStreamRequest.newBuilder().setOpen(opened(header, metadata)).build();
    }

    private DecryptStreamOpen.Builder opened(ByteString edek, Metadata metadata) {
        return DecryptStreamOpen.newBuilder()
                .setTenantId(Requests.tenant(metadata))
                .setMetadata(metadata.toWire(defaults))
                .putAllContext(Requests.context(metadata))
                .setEdek(edek);
    }
}
