package dev.keyside.client;

import dev.keyside.client.internal.v1.EncryptStreamResponse;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;

/** A sealed object while it is made, for one subscriber. It is whole only where it completes. */
public final class EncryptedPublisher implements Flow.Publisher<ByteBuffer> {
    private final ObjectPublisher<?, EncryptStreamResponse> publisher;

    EncryptedPublisher(ObjectPublisher<?, EncryptStreamResponse> publisher) {
        this.publisher = publisher;
    }

    /**
     * The object's header. Store it apart where it is detached; else it is also what the publisher gives first.
     *
     * @return completes after the subscriber's first request, before any plaintext is asked for; fails where the stream does
     */
    public CompletableFuture<byte[]> edek() {
        return publisher.opened().thenApply(answer -> answer.getOpened().getEdek().toByteArray());
    }

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
        publisher.subscribe(subscriber);
    }
}
