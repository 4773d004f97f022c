package dev.keyside.client;

import io.grpc.Attributes;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;

/** Knows whether a call was ever handed to a connection: one that was not has been seen by nobody. */
final class SentTracer extends ClientStreamTracer.Factory {
    private volatile boolean wasSent;

    boolean wasSent() {
        return wasSent;
    }

    @Override
    public ClientStreamTracer newClientStreamTracer(ClientStreamTracer.StreamInfo info, Metadata headers) {
        return new ClientStreamTracer() {
            @Override
            public void streamCreated(Attributes transport, Metadata sent) {
                wasSent = true;
            }
        };
    }
}
