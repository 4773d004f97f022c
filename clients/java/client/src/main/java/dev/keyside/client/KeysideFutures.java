package dev.keyside.client;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The calls of a {@link KeysideClient} that do not wait. Cancelling a future that is returned here ends its call, at the daemon too; so
 * does the {@code io.grpc.Context} in which it began. What depends on a future runs on the transport's threads: hand work that blocks to
 * an executor of your own.
 */
public abstract sealed class KeysideFutures permits KeysideClient {
    final Connection connection;
    final Requests requests;
    final CallLimits limits;

    KeysideFutures(Connection connection, Requests requests, CallLimits limits) {
        this.connection = connection;
        this.requests = requests;
        this.limits = limits;
    }

    /**
     * {@link KeysideClient#encrypt(PlaintextDocument,Metadata)} without waiting.
     *
     * @param document plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf
     * @return completes with what to store; fails with {@link KeysideException}
     */
    public final CompletableFuture<EncryptedDocument> encryptAsync(PlaintextDocument document, Metadata metadata) {
        return start(() -> requests.encrypt(document, metadata, null));
    }

    /**
     * {@link KeysideClient#encrypt(PlaintextDocument,Metadata,byte[])} without waiting.
     *
     * @param document plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf
     * @param edek the EDEK of an existing document
     * @return completes with what to store; the EDEK as it was; fails with {@link KeysideException}
     */
    public final CompletableFuture<EncryptedDocument> encryptAsync(PlaintextDocument document, Metadata metadata, byte[] edek) {
        return start(() -> requests.encrypt(document, metadata, Objects.requireNonNull(edek, "edek")));
    }

    /**
     * {@link KeysideClient#decrypt(EncryptedDocument,Metadata)} without waiting.
     *
     * @param document as it was stored, all of its fields or some
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return completes with the plaintexts of the given fields; fails with {@link KeysideException}
     */
    public final CompletableFuture<PlaintextDocument> decryptAsync(EncryptedDocument document, Metadata metadata) {
        return start(() -> requests.decrypt(document, metadata));
    }

    /**
     * {@link KeysideClient#rewrap(byte[],Metadata)} without waiting.
     *
     * @param edek a document's EDEK, or an object's header
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @return completes with the EDEK to store in place of the old one; fails with {@link KeysideException}
     */
    public final CompletableFuture<RewrappedKey> rewrapAsync(byte[] edek, Metadata metadata) {
        return start(() -> requests.rewrap(edek, metadata, null));
    }

    /**
     * {@link KeysideClient#rewrap(byte[],Metadata,String)} without waiting.
     *
     * @param edek a document's EDEK, or an object's header
     * @param metadata for whom and on whose behalf, with the context of its encryption
     * @param targetKeyId the key configuration to wrap under
     * @return completes with the EDEK to store in place of the old one; fails with {@link KeysideException}
     */
    public final CompletableFuture<RewrappedKey> rewrapAsync(byte[] edek, Metadata metadata, String targetKeyId) {
        return start(() -> requests.rewrap(edek, metadata, Objects.requireNonNull(targetKeyId, "targetKeyId")));
    }

    /**
     * {@link KeysideClient#encryptBatch(List,Metadata)} without waiting.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @return completes with one for each item, in their order; fails with {@link KeysideException}
     */
    public final CompletableFuture<List<BatchResult<EncryptedDocument>>> encryptBatchAsync(List<EncryptItem> items, Metadata metadata) {
        return start(() -> batches(metadata).encrypt(items));
    }

    /**
     * {@link KeysideClient#decryptBatch(List,Metadata)} without waiting.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @return completes with one for each item, in their order; fails with {@link KeysideException}
     */
    public final CompletableFuture<List<BatchResult<PlaintextDocument>>> decryptBatchAsync(List<DecryptItem> items, Metadata metadata) {
        return start(() -> batches(metadata).decrypt(items));
    }

    /**
     * {@link KeysideClient#rewrapBatch(List,Metadata)} without waiting.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @return completes with one for each item, in their order; fails with {@link KeysideException}
     */
    public final CompletableFuture<List<BatchResult<RewrappedKey>>> rewrapBatchAsync(List<RewrapItem> items, Metadata metadata) {
        return start(() -> batches(metadata).rewrap(items, null));
    }

    /**
     * {@link KeysideClient#rewrapBatch(List,Metadata,String)} without waiting.
     *
     * @param items at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise
     * @param metadata for whom and on whose behalf; its context is that of items without one
     * @param targetKeyId the key configuration to wrap under
     * @return completes with one for each item, in their order; fails with {@link KeysideException}
     */
    public final CompletableFuture<List<BatchResult<RewrappedKey>>> rewrapBatchAsync(List<RewrapItem> items, Metadata metadata, String targetKeyId) {
        return start(() -> batches(metadata).rewrap(items, Objects.requireNonNull(targetKeyId, "targetKeyId")));
    }

    /**
     * {@link KeysideClient#logSecurityEvent(SecurityEvent,Metadata)} without waiting.
     *
     * @param event what happened
     * @param metadata for whom and on whose behalf; without a context, which is refused
     * @return completes with the record's id, when it is as durable as the daemon promises; fails with {@link KeysideException}
     */
    public final CompletableFuture<String> logSecurityEventAsync(SecurityEvent event, Metadata metadata) {
        return start(() -> requests.securityEvent(event, metadata));
    }

    /**
     * {@link KeysideClient#checkKey(String)} without waiting.
     *
     * @param tenantId the tenant
     * @return completes with what was found; fails with {@link KeysideException}
     */
    public final CompletableFuture<KeyCheck> checkKeyAsync(String tenantId) {
        return start(() -> Requests.checkKey(tenantId, null));
    }

    /**
     * {@link KeysideClient#checkKey(String,String)} without waiting.
     *
     * @param tenantId the tenant
     * @param keyId the key configuration
     * @return completes with what was found; fails with {@link KeysideException}
     */
    public final CompletableFuture<KeyCheck> checkKeyAsync(String tenantId, String keyId) {
        return start(() -> Requests.checkKey(tenantId, Objects.requireNonNull(keyId, "keyId")));
    }

    /**
     * {@link KeysideClient#listKeys(String)} without waiting.
     *
     * @param tenantId the tenant
     * @return completes with in the order of the daemon's configuration; fails with {@link KeysideException}
     */
    public final CompletableFuture<List<Key>> listKeysAsync(String tenantId) {
        return start(() -> Requests.listKeys(tenantId));
    }

    /**
     * {@link KeysideClient#dropKeys(String)} without waiting.
     *
     * @param tenantId the tenant
     * @return completes with how many there were; fails with {@link KeysideException}
     */
    public final CompletableFuture<Integer> dropKeysAsync(String tenantId) {
        return start(() -> Requests.dropKeys(tenantId, null));
    }

    /**
     * {@link KeysideClient#dropKeys(String,String)} without waiting.
     *
     * @param tenantId the tenant
     * @param keyId the key configuration that opened them
     * @return completes with how many there were; fails with {@link KeysideException}
     */
    public final CompletableFuture<Integer> dropKeysAsync(String tenantId, String keyId) {
        return start(() -> Requests.dropKeys(tenantId, Objects.requireNonNull(keyId, "keyId")));
    }

    /**
     * {@link KeysideClient#isServing()} without waiting.
     *
     * @return completes with false while it shuts down; fails with {@link KeysideException}
     */
    public final CompletableFuture<Boolean> isServingAsync() {
        return start(() -> Requests.health());
    }

    private Batches batches(Metadata metadata) {
        return new Batches(requests.defaults(), metadata);
    }

    private <Q, A, T> CompletableFuture<T> start(Supplier<Request<Q, A, T>> request) {
        return UnaryCall.start(connection, request, limits);
    }
}
