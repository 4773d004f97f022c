package dev.keyside.client;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/** Makes a {@link KeysideClient}. */
public final class KeysideClientBuilder {
    private static final String DEFAULT_ADDRESS = "127.0.0.1:7460";

    private Map<String, String> environment = System.getenv();
    private String address;
    private Path tokenFile;
    private TlsFiles tls;
    private CallLimits limits = new CallLimits(Duration.ofSeconds(10), 4);
    private Duration connectTimeout = Duration.ofSeconds(5);
    private Metadata defaults = Metadata.defaults().build();

    KeysideClientBuilder() {}

    /**
     * Where the daemon is. Default: {@code KEYSIDE_ADDRESS} of the environment, else {@code 127.0.0.1:7460}. In clear a client speaks to
     * this machine alone. Unix sockets need Linux on x86-64 or AArch64.
     *
     * @param where {@code unix:///path} or {@code host:port}
     * @return this
     */
    public KeysideClientBuilder address(String where) {
        address = Objects.requireNonNull(where, "address");
        return this;
    }

    /**
     * File with the bearer token; looked at once there is a connection, and read again when it changes. Default:
     * {@code KEYSIDE_TOKEN_FILE} of the environment, else no token.
     *
     * @param file one line of printable ASCII
     * @return this
     */
    public KeysideClientBuilder tokenFile(Path file) {
        tokenFile = Objects.requireNonNull(file, "tokenFile");
        return this;
    }

    /**
     * Mutual TLS; needed for a daemon on another machine. Default: none. The files are read once, by {@link #build}: for new
     * certificates make a new client.
     *
     * @param files PEM
     * @return this
     */
    public KeysideClientBuilder tls(TlsFiles files) {
        tls = Objects.requireNonNull(files, "tls");
        return this;
    }

    /**
     * Deadline of each call with all its attempts; of streams the longest wait for the daemon while it is its turn. Default: 10 seconds.
     *
     * @param limit above zero
     * @return this
     */
    public KeysideClientBuilder timeout(Duration limit) {
        limits = limits.withTimeout(limit);
        return this;
    }

    /**
     * How often a call is made at most where the daemon names a time to make it again after; 1: once. Never beyond the deadline. Streams
     * are never made again. A call that is refused for a token that the file has replaced meanwhile is not counted. Default: 4.
     *
     * @param attempts at least 1
     * @return this
     * @throws IllegalArgumentException below 1
     */
    public KeysideClientBuilder maxAttempts(int attempts) {
        limits = limits.withMaxAttempts(attempts);
        return this;
    }

    /**
     * How long a daemon is waited for that does not answer yet, never beyond the deadline; then calls end in
     * {@link UnavailableException}. Zero: long enough for one attempt on this machine. Default: 5 seconds.
     *
     * @param limit not below zero
     * @return this
     */
    public KeysideClientBuilder connectTimeout(Duration limit) {
        if (limit.isNegative()) throw new IllegalArgumentException("the connect timeout is below zero");
        connectTimeout = limit;
        return this;
    }

    /**
     * What calls say of themselves where they do not say otherwise. Default: nothing.
     *
     * @param metadata made by {@link Metadata#defaults()}: without a tenant and a context
     * @return this
     * @throws IllegalArgumentException where there is either
     * @throws RequestInvalidException for a text that UTF-8 cannot hold
     */
    public KeysideClientBuilder defaults(Metadata metadata) {
        if (metadata.tenantId().isPresent() || !metadata.context().isEmpty()) {
            throw new IllegalArgumentException("a tenant and a context must be said by each call");
        }
        metadata.toWire(metadata);
        defaults = metadata;
        return this;
    }

    /** Where the two variables are looked up, in place of the process's environment. */
    KeysideClientBuilder environment(Map<String, String> variables) {
        environment = variables;
        return this;
    }

    /**
     * A client, which connects to nobody yet.
     *
     * @return to be closed
     * @throws IllegalArgumentException for an address that is malformed, or another machine's without TLS
     * @throws java.io.UncheckedIOException for a file of TLS that cannot be read
     */
    public KeysideClient build() {
        String where = address != null ? address : variable("KEYSIDE_ADDRESS", DEFAULT_ADDRESS);
        String tokens = variable("KEYSIDE_TOKEN_FILE", "");
        Path file = tokenFile == null && !tokens.isEmpty() ? Path.of(tokens) : tokenFile;
        return new KeysideClient(new Connection(where, tls, file, connectTimeout), new Requests(defaults), limits);
    }

    private String variable(String name, String otherwise) {
        String value = environment.get(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
