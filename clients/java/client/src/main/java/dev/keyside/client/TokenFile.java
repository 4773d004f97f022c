package dev.keyside.client;

import io.grpc.Status.Code;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.regex.Pattern;

/** A bearer token in a file, read again whenever the file has changed. */
final class TokenFile {
    /** What a header can hold; never shown, for it is a secret. */
    private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]+");

    private final Path file;
    private volatile Read last;

    TokenFile(Path file) {
        this.file = file;
    }

    /**
     * The value of the {@code authorization} header.
     *
     * @throws CallerUnauthenticatedException where the file cannot be read or holds no token
     */
    String authorization() {
        Read known = last;
        try {
            // Follows links: a rotated token is often one that points elsewhere now.
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            String stamp = attributes.lastModifiedTime() + " " + attributes.fileKey() + " " + attributes.size();
            if (known != null && known.stamp.equals(stamp)) return known.header;
            String token = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
            if (!TOKEN.matcher(token).matches()) throw unfit("holds no token: one line of printable ASCII", null);
            last = new Read(stamp, "Bearer " + token);
            return last.header;
        } catch (NoSuchFileException cause) {
            throw unfit("cannot be read: no such file", cause);
        } catch (IOException cause) {
            throw unfit("cannot be read: " + cause.getClass().getSimpleName(), cause);
        }
    }

    /** As {@link #authorization}, also where the file looks as it did: one that was written over in the same instant does. */
    String readAnew() {
        last = null;
        return authorization();
    }

    private KeysideException unfit(String says, Throwable cause) {
        last = null;
        ErrorFacts facts = ErrorFacts.of("CALLER_UNAUTHENTICATED", Code.UNAUTHENTICATED).because(cause);
        return Errors.of("the token file " + file + " " + says, facts);
    }

    private record Read(String stamp, String header) {}
}
