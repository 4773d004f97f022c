package dev.keyside.client;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Flow;

/**
 * Speaks to a Keyside daemon. Safe to share among threads; make one for the life of the process, and close it at the end. Every call
 * throws {@link KeysideException}, unchecked. There is no fallback: what cannot be encrypted is not stored, not sent, not returned.
 *
 * <p>A call ends early where its thread is interrupted, where the {@code io.grpc.Context} of its thread is cancelled or reaches its
 * deadline, or where its future is cancelled. The trace context of OpenTelemetry goes along where its API is on the class path.
 */
public final class KeysideClient extends KeysideFutures implements AutoCloseable {
    KeysideClient(Connection connection, Requests requests, CallLimits limits) {
        super(connection, requests, limits);
    }

    /**
     * A client with all defaults: the daemon of {@code KEYSIDE_ADDRESS}, the token of {@code KEYSIDE_TOKEN_FILE}. It connects when it is
     * first used.
     *
     * @return a new client, to be closed
     */
    public static KeysideClient create() {
        return builder().build();
    }

    /**
     * Makes a client.
     *
     * @return a builder with all defaults
     */
    public static KeysideClientBuilder builder() {
        return new KeysideClientBuilder();
    }

    /**
     * The same client with another deadline; of streams it is the longest wait for the daemon while it is its turn. Shares the
     * connection: closing either closes both.
     *
     * @param limit above zero
     * @return a view of this client, cheap to make for one call
     */
    public KeysideClient withTimeout(Duration limit) {
        return new KeysideClient(connection, requests, limits.withTimeout(limit));
    }

    /**
     * Encrypts a document under a new key of its own.
     *
     * @param document plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf
     * @return what to store
     * @throws KeysideException why the call failed
     */
    public EncryptedDocument encrypt(PlaintextDocument document, Metadata metadata) {
        return Waiting.on(encryptAsync(document, metadata));
    }

    /**
     * Encrypts fields under the key of an existing document: an updated column.
     *
     * @param document plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf
     * @param edek the EDEK of an existing document
     * @return what to store; the EDEK as it was
     * @throws KeysideException why the call failed
     */
    public EncryptedDocument encrypt(PlaintextDocument document, Metadata metadata, byte[] edek) {
        return Waiting.on(encryptAsync(document, metadata, edek));
    }

    /**
     * Decrypts a document: all of the given fields verify, or nothing is returned.
     *
     * @param document as it was stored, all of its fields or some
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the plaintexts of the given fields
     * @throws KeysideException why the call failed
     */
    public PlaintextDocument decrypt(EncryptedDocument document, Metadata metadata) {
        return Waiting.on(decryptAsync(document, metadata));
    }

    /**
     * Wraps a document's key again, after the tenant rotated or replaced its key. The ciphertexts stay as they are.
     *
     * @param edek a document's EDEK, or an object's header
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the EDEK to store in place of the old one
     * @throws KeysideException why the call failed
     */
    public RewrappedKey rewrap(byte[] edek, Metadata metadata) {
        return Waiting.on(rewrapAsync(edek, metadata));
    }

    /**
     * Wraps a document's key again under a certain key.
     *
     * @param edek a document's EDEK, or an object's header
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @param targetKeyId the key configuration to wrap under
     * @return the EDEK to store in place of the old one
     * @throws KeysideException why the call failed
     */
    public RewrappedKey rewrap(byte[] edek, Metadata metadata, String targetKeyId) {
        return Waiting.on(rewrapAsync(edek, metadata, targetKeyId));
    }

    /**
     * Encrypts many documents of one tenant in one call. Each ends in its own result; the call fails only as a whole.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @return one for each item, in their order
     * @throws KeysideException why the call failed
     */
    public List<BatchResult<EncryptedDocument>> encryptBatch(List<EncryptItem> items, Metadata metadata) {
        return Waiting.on(encryptBatchAsync(items, metadata));
    }

    /**
     * Decrypts many documents of one tenant in one call. Each ends in its own result; the call fails only as a whole.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @return one for each item, in their order
     * @throws KeysideException why the call failed
     */
    public List<BatchResult<PlaintextDocument>> decryptBatch(List<DecryptItem> items, Metadata metadata) {
        return Waiting.on(decryptBatchAsync(items, metadata));
    }

    /**
     * Wraps the keys of many documents of one tenant again in one call. Each ends in its own result; the call fails only as a whole.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @return one for each item, in their order
     * @throws KeysideException why the call failed
     */
    public List<BatchResult<RewrappedKey>> rewrapBatch(List<RewrapItem> items, Metadata metadata) {
        return Waiting.on(rewrapBatchAsync(items, metadata));
    }

    /**
     * Wraps the keys of many documents of one tenant again under a certain key.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @param targetKeyId the key configuration to wrap under
     * @return one for each item, in their order
     * @throws KeysideException why the call failed
     */
    public List<BatchResult<RewrappedKey>> rewrapBatch(List<RewrapItem> items, Metadata metadata, String targetKeyId) {
        return Waiting.on(rewrapBatchAsync(items, metadata, targetKeyId));
    }

    /**
     * Records an event of the application's in the tenant's audit trail.
     *
     * @param event what happened
     * @param metadata for whom and on whose behalf; without a context, which is refused
     * @return the record's id, when it is as durable as the daemon promises
     * @throws KeysideException why the call failed
     */
    public String logSecurityEvent(SecurityEvent event, Metadata metadata) {
        return Waiting.on(logSecurityEventAsync(event, metadata));
    }

    /**
     * Probes the tenant's primary key end to end: a key that fails is an answer, not an error. Costs two or three calls to its KMS.
     *
     * @param tenantId the tenant
     * @return what was found
     * @throws KeysideException why the call failed
     */
    public KeyCheck checkKey(String tenantId) {
        return Waiting.on(checkKeyAsync(tenantId));
    }

    /**
     * Probes one of the tenant's keys end to end: a key that fails is an answer, not an error.
     *
     * @param tenantId the tenant
     * @param keyId the key configuration
     * @return what was found
     * @throws KeysideException why the call failed
     */
    public KeyCheck checkKey(String tenantId, String keyId) {
        return Waiting.on(checkKeyAsync(tenantId, keyId));
    }

    /**
     * Lists the tenant's key configurations. Asks no KMS.
     *
     * @param tenantId the tenant
     * @return in the order of the daemon's configuration
     * @throws KeysideException why the call failed
     */
    public List<Key> listKeys(String tenantId) {
        return Waiting.on(listKeysAsync(tenantId));
    }

    /**
     * Makes this daemon forget all of the tenant's data keys now.
     *
     * @param tenantId the tenant
     * @return how many there were
     * @throws KeysideException why the call failed
     */
    public int dropKeys(String tenantId) {
        return Waiting.on(dropKeysAsync(tenantId));
    }

    /**
     * Makes this daemon forget data keys now.
     *
     * @param tenantId the tenant
     * @param keyId the key configuration that opened them
     * @return how many there were
     * @throws KeysideException why the call failed
     */
    public int dropKeys(String tenantId, String keyId) {
        return Waiting.on(dropKeysAsync(tenantId, keyId));
    }

    /**
     * Whether the daemon takes calls.
     *
     * @return false while it shuts down
     * @throws KeysideException why the call failed
     */
    public boolean isServing() {
        return Waiting.on(isServingAsync());
    }

    /**
     * Encrypts an object of any size while it is read, in constant memory. The plaintext is not touched before the result is read.
     *
     * @param plaintext closed with the result
     * @param metadata for whom and on whose behalf
     * @return the sealed object, which begins with its header
     */
    public EncryptedStream encryptStream(InputStream plaintext, Metadata metadata) {
        return streams().encrypt(plaintext, metadata, false);
    }

    /**
     * As {@link #encryptStream}, with the header in {@link EncryptedStream#edek()} alone, to be stored apart.
     *
     * @param plaintext closed with the result
     * @param metadata for whom and on whose behalf
     * @return the sealed object's body
     */
    public EncryptedStream encryptDetachedStream(InputStream plaintext, Metadata metadata) {
        return streams().encrypt(plaintext, metadata, true);
    }

    /**
     * Decrypts an object of any size while it is read. Every byte that comes out was verified, but only where reading ends at -1 is it
     * known that none is missing: do not take what came before for the object. Reading throws {@link KeysideException}, or what the
     * source threw.
     *
     * @param sealed the object with its header; closed with the result
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the plaintext
     */
    public InputStream decryptStream(InputStream sealed, Metadata metadata) {
        return streams().decrypt(null, sealed, metadata);
    }

    /**
     * As {@link #decryptStream(InputStream, Metadata)}, of an object whose header was stored apart.
     *
     * @param edek the header
     * @param body the object without it; closed with the result
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the plaintext
     */
    public InputStream decryptStream(byte[] edek, InputStream body, Metadata metadata) {
        return streams().decrypt(Objects.requireNonNull(edek, "edek"), body, metadata);
    }

    /**
     * Decrypts a part of an object, reading nothing of its body but what that part needs. Whole, as ever, only where reading ends at -1.
     *
     * @param range which part
     * @param body where its body is read
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the part's plaintext
     */
    public InputStream decryptRange(ObjectRange range, RangeReader body, Metadata metadata) {
        return streams().range(range, body, metadata);
    }

    /**
     * Decrypts a part of an object in a file.
     *
     * @param range which part
     * @param file has the body, from {@code bodyStart} on; stays open
     * @param bodyStart the body's first byte: 0 where the header is stored apart, else the header's length
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the part's plaintext
     */
    public InputStream decryptRange(ObjectRange range, FileChannel file, long bodyStart, Metadata metadata) {
        return streams().range(range, new ChannelReader(file, bodyStart), metadata);
    }

    /**
     * {@link #encryptStream} for reactive code: what the subscriber requests is what is asked of the daemon, and of the source no more than
     * the daemon takes. Nothing begins before the first request.
     *
     * @param plaintext buffers of any length, copied before {@code onNext} returns
     * @param metadata for whom and on whose behalf
     * @return the sealed object, which begins with its header; for one subscriber
     */
    public EncryptedPublisher encryptPublisher(Flow.Publisher<ByteBuffer> plaintext, Metadata metadata) {
        return streams().encrypt(plaintext, metadata, false);
    }

    /**
     * As {@link #encryptPublisher}, with the header in {@link EncryptedPublisher#edek()} alone, to be stored apart.
     *
     * @param plaintext buffers of any length, copied before {@code onNext} returns
     * @param metadata for whom and on whose behalf
     * @return the sealed object's body; for one subscriber
     */
    public EncryptedPublisher encryptDetachedPublisher(Flow.Publisher<ByteBuffer> plaintext, Metadata metadata) {
        return streams().encrypt(plaintext, metadata, true);
    }

    /**
     * {@link #decryptStream(InputStream, Metadata)} for reactive code. Whole only where it completes.
     *
     * @param sealed the object with its header
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the plaintext; for one subscriber
     */
    public Flow.Publisher<ByteBuffer> decryptPublisher(Flow.Publisher<ByteBuffer> sealed, Metadata metadata) {
        return streams().decrypt(null, sealed, metadata);
    }

    /**
     * As {@link #decryptPublisher(Flow.Publisher, Metadata)}, of an object whose header was stored apart.
     *
     * @param edek the header
     * @param body the object without it
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return the plaintext; for one subscriber
     */
    public Flow.Publisher<ByteBuffer> decryptPublisher(byte[] edek, Flow.Publisher<ByteBuffer> body, Metadata metadata) {
        return streams().decrypt(Objects.requireNonNull(edek, "edek"), body, metadata);
    }

    /** Ends the connection. Calls under way end first, new ones end in {@link CancelledException}. Does not wait. */
    @Override
    public void close() {
        connection.close();
    }

    private Streams streams() {
        return new Streams(connection, requests.defaults(), limits.timeout());
    }
}
