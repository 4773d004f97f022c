package dev.keyside.client;

import java.io.IOException;
import java.io.InputStream;

/** Reads bytes of an object's body, wherever it is stored: a file, an object of a store. */
@FunctionalInterface
public interface RangeReader {
    /**
     * Opens a part of the body, which begins after the header. Called once for each span that is needed, at most three, in turn; what it
     * returns is closed.
     *
     * @param offset the first byte, counted from the beginning of the body
     * @param length how many bytes
     * @return exactly that many bytes
     * @throws IOException comes out of the stream that is being decrypted, as it is
     */
    InputStream open(long offset, long length) throws IOException;
}
