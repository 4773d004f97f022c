package dev.keyside.client;

import java.util.Objects;

/**
 * A part of an object's plaintext.
 *
 * @param edek the object's header
 * @param offset the first byte of the plaintext to return
 * @param length the number of bytes; what lies beyond the end is left away
 * @param objectSize the plaintext's size, in bytes; verified where the range reaches the end
 */
public record ObjectRange(byte[] edek, long offset, long length, long objectSize) {
    /** The largest number that each of them may be: 2^53 - 1. */
    public static final long MAX = (1L << 53) - 1;

    /**
     * Numbers are from 0 to {@link #MAX}, else it throws {@link RequestInvalidException}.
     *
     * @param edek the object's header
     * @param offset the first byte of the plaintext to return
     * @param length the number of bytes; what lies beyond the end is left away
     * @param objectSize the plaintext's size, in bytes; verified where the range reaches the end
     */
    public ObjectRange {
        Objects.requireNonNull(edek, "edek");
        check("offset", offset);
        check("length", length);
        check("objectSize", objectSize);
    }

    /**
     * From a byte to the end.
     *
     * @param edek the object's header
     * @param offset the first byte of the plaintext to return
     * @param objectSize the plaintext's size, in bytes
     * @return the range
     */
    public static ObjectRange from(byte[] edek, long offset, long objectSize) {
        return new ObjectRange(edek, offset, MAX, objectSize);
    }

    private static void check(String name, long value) {
        if (value < 0 || value > MAX) throw Errors.invalid(name + " is not a number from 0 to 2^53 - 1");
    }
}
