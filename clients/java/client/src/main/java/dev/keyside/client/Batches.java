package dev.keyside.client;

import dev.keyside.client.internal.v1.BatchDecryptRequest;
import dev.keyside.client.internal.v1.BatchDecryptResponse;
import dev.keyside.client.internal.v1.BatchDecryptResult;
import dev.keyside.client.internal.v1.BatchEncryptRequest;
import dev.keyside.client.internal.v1.BatchEncryptResponse;
import dev.keyside.client.internal.v1.BatchEncryptResult;
import dev.keyside.client.internal.v1.BatchRewrapRequest;
import dev.keyside.client.internal.v1.BatchRewrapResponse;
import dev.keyside.client.internal.v1.BatchRewrapResult;
import dev.keyside.client.internal.v1.CryptoServiceGrpc;
import dev.keyside.client.internal.v1.DecryptDocument;
import dev.keyside.client.internal.v1.EncryptDocument;
import dev.keyside.client.internal.v1.RewrapDocument;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Requests about many documents, and what becomes of each. */
record Batches(Metadata defaults, Metadata metadata) {
    Request<BatchEncryptRequest, BatchEncryptResponse, List<BatchResult<EncryptedDocument>>> encrypt(List<EncryptItem> items) {
        List<String> ids = items.stream().map(EncryptItem::id).toList();
        BatchEncryptRequest.Builder request = BatchEncryptRequest.newBuilder()
                .setTenantId(Requests.tenant(metadata))
                .setMetadata(metadata.toWire(defaults));
        for (EncryptItem item : items) {
            request.addDocuments(EncryptDocument.newBuilder()
                    .setId(Texts.checked(item.id(), "id"))
                    .putAllFields(Texts.toWire(item.document().fields()))
                    .setEdek(Answers.optional(item.edek()))
                    .putAllContext(contextOf(item.context())));
        }
        return new Request<>(CryptoServiceGrpc.getBatchEncryptMethod(), request.build(), answer ->
                outcomes(answer.getResultsList(), ids, Batches::outcome));
    }

    Request<BatchDecryptRequest, BatchDecryptResponse, List<BatchResult<PlaintextDocument>>> decrypt(List<DecryptItem> items) {
        List<String> ids = items.stream().map(DecryptItem::id).toList();
        BatchDecryptRequest.Builder request = BatchDecryptRequest.newBuilder()
                .setTenantId(Requests.tenant(metadata))
                .setMetadata(metadata.toWire(defaults));
        for (DecryptItem item : items) {
            request.addDocuments(DecryptDocument.newBuilder()
                    .setId(Texts.checked(item.id(), "id"))
                    .putAllFields(Texts.toWire(item.document().fields()))
                    .setEdek(Texts.bytes(item.document().edek(), "edek"))
                    .putAllContext(contextOf(item.context())));
        }
        return new Request<>(CryptoServiceGrpc.getBatchDecryptMethod(), request.build(), answer ->
                outcomes(answer.getResultsList(), ids, Batches::outcome));
    }

    /** A null target is the tenant's primary key. */
    Request<BatchRewrapRequest, BatchRewrapResponse, List<BatchResult<RewrappedKey>>> rewrap(
            List<RewrapItem> items, String targetKeyId) {
        List<String> ids = items.stream().map(RewrapItem::id).toList();
        BatchRewrapRequest.Builder request = BatchRewrapRequest.newBuilder()
                .setTenantId(Requests.tenant(metadata))
                .setMetadata(metadata.toWire(defaults))
                .setTargetKeyId(Requests.orEmpty(targetKeyId, "targetKeyId"));
        for (RewrapItem item : items) {
            request.addDocuments(RewrapDocument.newBuilder()
                    .setId(Texts.checked(item.id(), "id"))
                    .setEdek(Texts.bytes(item.edek(), "edek"))
                    .putAllContext(contextOf(item.context())));
        }
        return new Request<>(CryptoServiceGrpc.getBatchRewrapMethod(), request.build(), answer ->
                outcomes(answer.getResultsList(), ids, Batches::outcome));
    }

    private Map<String, String> contextOf(Map<String, String> own) {
        return Texts.pairs(own == null ? metadata.context() : own, "context");
    }

    /** One for each of the documents that were sent, in their order: another's document must not be taken for an item's. */
    private static <R, T> List<BatchResult<T>> outcomes(
            List<R> results, List<String> ids, Function<R, BatchResult<T>> outcome) {
        if (results.size() != ids.size()) {
            throw Errors.unexpected(results.size() + " results came for " + ids.size() + " documents", null);
        }
        List<BatchResult<T>> outcomes = results.stream().map(outcome).toList();
        for (int at = 0; at < ids.size(); at++) {
            if (!outcomes.get(at).id().equals(ids.get(at))) {
                throw Errors.unexpected("result " + at + " is not that of document " + at, null);
            }
        }
        return outcomes;
    }

    private static BatchResult<EncryptedDocument> outcome(BatchEncryptResult result) {
        return switch (result.getOutcomeCase()) {
            case DOCUMENT -> new BatchResult<>(result.getId(), Answers.encrypted(result.getDocument()), null);
            case ERROR -> new BatchResult<>(result.getId(), null, Statuses.of(result.getError()));
            case OUTCOME_NOT_SET -> throw neither();
        };
    }

    private static BatchResult<PlaintextDocument> outcome(BatchDecryptResult result) {
        return switch (result.getOutcomeCase()) {
            case DOCUMENT -> new BatchResult<>(result.getId(), Answers.decrypted(result.getDocument()), null);
            case ERROR -> new BatchResult<>(result.getId(), null, Statuses.of(result.getError()));
            case OUTCOME_NOT_SET -> throw neither();
        };
    }

    private static BatchResult<RewrappedKey> outcome(BatchRewrapResult result) {
        return switch (result.getOutcomeCase()) {
            case DOCUMENT -> new BatchResult<>(result.getId(), Answers.rewrapped(result.getDocument()), null);
            case ERROR -> new BatchResult<>(result.getId(), null, Statuses.of(result.getError()));
            case OUTCOME_NOT_SET -> throw neither();
        };
    }

    private static KeysideException neither() {
        return Errors.unexpected("a result holds neither a document nor an error", null);
    }
}
