package dev.keyside.client;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;

/** One call with messages both ways. Without a deadline: a stream lasts as long as its source. */
final class DuplexCall<Q, A> {
    /** What happens; one at a time, in order, {@code onEnd} last and once. */
    interface Events<A> {
        void onMessage(A message);

        /** There is room to send. */
        void onReady();

        /** Null for OK. */
        void onEnd(KeysideException failure);
    }

    private final ClientCall<Q, A> call;

    private DuplexCall(ClientCall<Q, A> call) {
        this.call = call;
    }

    /** Begins it; nothing is asked for yet. Precondition: {@link Connection#ready}. */
    static <Q, A> DuplexCall<Q, A> start(
            Connection connection, MethodDescriptor<Q, A> method, Metadata headers, Events<A> events) {
        SentTracer tracer = new SentTracer();
        ClientCall<Q, A> call = connection.begin(method, null, tracer);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(A message) {
                        events.onMessage(message);
                    }

                    @Override
                    public void onReady() {
                        events.onReady();
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        events.onEnd(status.isOk()
                                ? null
                                : Statuses.failure(status, trailers, connection.address, tracer.wasSent()));
                    }
                },
                headers);
        return new DuplexCall<>(call);
    }

    // gRPC's call is for one thread but for its cancelling; here one may send while another asks for more.

    boolean isReady() {
        return call.isReady();
    }

    synchronized void send(Q message) {
        call.sendMessage(message);
    }

    synchronized void endSending() {
        call.halfClose();
    }

    synchronized void request(int messages) {
        call.request(messages);
    }

    void cancel() {
        call.cancel("the caller cancelled the call", null);
    }
}
