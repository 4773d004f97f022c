package dev.keyside.client;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Reads parts of a file that has a body from some byte on. The channel stays open, and its position where it is. */
record ChannelReader(FileChannel channel, long bodyStart) implements RangeReader {
    @Override
    public InputStream open(long offset, long length) {
        return new Part(bodyStart + offset, length);
    }

    private final class Part extends InputStream {
        private long at;
        private long left;

        Part(long at, long left) {
            this.at = at;
            this.left = left;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (left == 0) return -1;
            int count = channel.read(ByteBuffer.wrap(buffer, offset, (int) Math.min(length, left)), at);
            if (count > 0) {
                at += count;
                left -= count;
            }
            return count;
        }
    }
}
