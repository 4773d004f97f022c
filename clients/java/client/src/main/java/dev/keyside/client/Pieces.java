package dev.keyside.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.keyside.client.internal.v1.BodySpan;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/** What a stream sends, piece by piece. */
interface Pieces extends Closeable {
    /** Null at the end. */
    ByteString next() throws IOException;

    /** All of a stream. */
    static Pieces of(InputStream source) {
        return new Pieces() {
            @Override
            public ByteString next() throws IOException {
                return piece(source);
            }

            @Override
            public void close() throws IOException {
                source.close();
            }
        };
    }

    /** Parts of a body, each of which must be as long as was asked for. */
    static Pieces of(List<BodySpan> spans, RangeReader reader) {
        return new Spans(spans.iterator(), reader);
    }

    private static ByteString piece(InputStream source) throws IOException {
        // A new one for each: what was handed over belongs to the transport.
        byte[] buffer = new byte[Direction.PIECE_BYTES];
        int count = source.read(buffer);
        if (count < 0) return null;
        // A short piece must not hold a long array.
        byte[] kept = count < buffer.length / 2 ? Arrays.copyOf(buffer, count) : buffer;
        return UnsafeByteOperations.unsafeWrap(kept, 0, count);
    }

    /** One span after the other. */
    final class Spans implements Pieces {
        private final Iterator<BodySpan> spans;
        private final RangeReader reader;
        private BodySpan span;
        private InputStream open;
        private long given;

        private Spans(Iterator<BodySpan> spans, RangeReader reader) {
            this.spans = spans;
            this.reader = reader;
        }

        @Override
        public ByteString next() throws IOException {
            while (open != null || spans.hasNext()) {
                if (open == null) begin(spans.next());
                ByteString piece = piece(open);
                if (piece != null) {
                    given += piece.size();
                    if (given > span.getLength()) throw wrongLength();
                    return piece;
                }
                if (given != span.getLength()) throw wrongLength();
                close();
            }
            return null;
        }

        private void begin(BodySpan next) throws IOException {
            span = next;
            given = 0;
            open = reader.open(next.getOffset(), next.getLength());
        }

        private KeysideException wrongLength() {
            return Errors.invalid("the reader gave " + given + " of the " + span.getLength() + " bytes at "
                    + span.getOffset() + " of the body");
        }

        @Override
        public void close() throws IOException {
            InputStream last = open;
            open = null;
            if (last != null) last.close();
        }
    }
}
