package dev.keyside.client;

import dev.keyside.client.internal.v1.EncryptStreamResponse;
import java.io.IOException;
import java.io.InputStream;

/**
 * A sealed object while it is made, by the thread that reads it. It is whole only where reading it ends at -1: where an exception comes,
 * {@link KeysideException} or what the plaintext's source threw, what was read before is nothing to keep. Closing it closes the source,
 * and ends the call where it had not ended.
 */
public final class EncryptedStream extends InputStream {
    private final ObjectStream<?, EncryptStreamResponse> stream;

    EncryptedStream(ObjectStream<?, EncryptStreamResponse> stream) {
        this.stream = stream;
    }

    /**
     * The object's header, before any plaintext is read. Store it apart where it is detached; else it is also what the stream begins
     * with. Asking for it opens the stream.
     *
     * @return a copy
     * @throws IOException where the stream is closed or has failed before
     * @throws KeysideException why there is none
     */
    public byte[] edek() throws IOException {
        return stream.opened().getOpened().getEdek().toByteArray();
    }

    @Override
    public int read() throws IOException {
        return stream.read();
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        return stream.read(buffer, offset, length);
    }

    @Override
    public int available() throws IOException {
        return stream.available();
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
