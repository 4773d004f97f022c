package dev.keyside.client;

import com.google.protobuf.ByteString;
import dev.keyside.client.internal.v1.CryptoServiceGrpc;
import dev.keyside.client.internal.v1.DecryptStreamRequest;
import dev.keyside.client.internal.v1.DecryptStreamResponse;
import dev.keyside.client.internal.v1.EncryptStreamRequest;
import dev.keyside.client.internal.v1.EncryptStreamResponse;
import io.grpc.MethodDescriptor;
import java.util.function.Function;
import java.util.function.Predicate;

/** What encrypting and decrypting streams differ in: their messages. {@code bytes} are empty for a message that has none. */
record Direction<Q, A>(
        MethodDescriptor<Q, A> method, Function<ByteString, Q> chunk, Predicate<A> isOpened, Function<A, ByteString> bytes) {
    /** In bytes: what the daemon works off at once. */
    static final int PIECE_BYTES = 256 * 1024;

    static final Direction<EncryptStreamRequest, EncryptStreamResponse> ENCRYPT = new Direction<>(
            CryptoServiceGrpc.getEncryptStreamMethod(),
            bytes -> EncryptStreamRequest.newBuilder().setChunk(bytes).build(),
            EncryptStreamResponse::hasOpened,
            EncryptStreamResponse::getChunk);

    static final Direction<DecryptStreamRequest, DecryptStreamResponse> DECRYPT = new Direction<>(
            CryptoServiceGrpc.getDecryptStreamMethod(),
            bytes -> DecryptStreamRequest.newBuilder().setChunk(bytes).build(),
            DecryptStreamResponse::hasOpened,
            DecryptStreamResponse::getChunk);

    /** What came is not what a daemon sends, or not when. */
    static KeysideException outOfOrder() {
        return Errors.unexpected("the daemon did not keep to the order of a stream", null);
    }
}
