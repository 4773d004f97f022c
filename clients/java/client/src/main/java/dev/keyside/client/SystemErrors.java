package dev.keyside.client;

import java.io.FileNotFoundException;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Map;

/** What the operating system says of a connection that could not be made, in words that do not depend on the transport. */
final class SystemErrors {
    private static final String NO_ANSWER = "it does not answer";

    /** By what stands in the transport's own messages. */
    private static final Map<String, String> SENTENCES = Map.of(
            "connection refused", "connection refused",
            "no such file", "there is no such socket",
            "permission denied", "permission denied",
            "no route to host", "the host cannot be reached",
            "network is unreachable", "the network cannot be reached",
            "timed out", NO_ANSWER,
            "connection reset", "it broke the connection off",
            "broken pipe", "it broke the connection off");

    private SystemErrors() {}

    static String sentence(Throwable cause) {
        if (cause == null) return NO_ANSWER;
        Throwable root = cause;
        for (Throwable each = cause; each != null; each = each.getCause()) {
            if (each instanceof UnknownHostException) return "the host is not known";
            // The transport's, of a Unix socket.
            if (each instanceof FileNotFoundException) return "there is no such socket";
            String says = String.valueOf(each.getMessage()).toLowerCase(Locale.ROOT);
            for (Map.Entry<String, String> sentence : SENTENCES.entrySet()) {
                if (says.contains(sentence.getKey())) return sentence.getValue();
            }
            root = each;
        }
        return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
    }
}
