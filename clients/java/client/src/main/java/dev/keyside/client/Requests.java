package dev.keyside.client;

import com.google.protobuf.Timestamp;
import dev.keyside.client.internal.v1.AuditServiceGrpc;
import dev.keyside.client.internal.v1.CheckKeyRequest;
import dev.keyside.client.internal.v1.CheckKeyResponse;
import dev.keyside.client.internal.v1.CryptoServiceGrpc;
import dev.keyside.client.internal.v1.DecryptRequest;
import dev.keyside.client.internal.v1.DecryptResponse;
import dev.keyside.client.internal.v1.DropKeysRequest;
import dev.keyside.client.internal.v1.DropKeysResponse;
import dev.keyside.client.internal.v1.EncryptRequest;
import dev.keyside.client.internal.v1.EncryptResponse;
import dev.keyside.client.internal.v1.HealthCheckRequest;
import dev.keyside.client.internal.v1.HealthCheckResponse;
import dev.keyside.client.internal.v1.HealthCheckResponse.ServingStatus;
import dev.keyside.client.internal.v1.HealthGrpc;
import dev.keyside.client.internal.v1.KeyServiceGrpc;
import dev.keyside.client.internal.v1.ListKeysRequest;
import dev.keyside.client.internal.v1.ListKeysResponse;
import dev.keyside.client.internal.v1.LogSecurityEventRequest;
import dev.keyside.client.internal.v1.LogSecurityEventResponse;
import dev.keyside.client.internal.v1.RewrapRequest;
import dev.keyside.client.internal.v1.RewrapResponse;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Requests of a client with these defaults. Whatever cannot be sent is refused here. */
record Requests(Metadata defaults) {
    Request<EncryptRequest, EncryptResponse, EncryptedDocument> encrypt(PlaintextDocument document, Metadata metadata, byte[] edek) {
        EncryptRequest message = EncryptRequest.newBuilder()
                .setTenantId(tenant(metadata))
                .setMetadata(metadata.toWire(defaults))
                .putAllContext(context(metadata))
                .putAllFields(Texts.toWire(document.fields()))
                .setEdek(Answers.optional(edek))
                .build();
        return new Request<>(CryptoServiceGrpc.getEncryptMethod(), message, Answers::encrypted);
    }

    Request<DecryptRequest, DecryptResponse, PlaintextDocument> decrypt(EncryptedDocument document, Metadata metadata) {
        DecryptRequest message = DecryptRequest.newBuilder()
                .setTenantId(tenant(metadata))
                .setMetadata(metadata.toWire(defaults))
                .putAllContext(context(metadata))
                .putAllFields(Texts.toWire(document.fields()))
                .setEdek(Texts.bytes(document.edek(), "edek"))
                .build();
        return new Request<>(CryptoServiceGrpc.getDecryptMethod(), message, Answers::decrypted);
    }

    Request<RewrapRequest, RewrapResponse, RewrappedKey> rewrap(byte[] edek, Metadata metadata, String targetKeyId) {
        RewrapRequest message = RewrapRequest.newBuilder()
                .setTenantId(tenant(metadata))
                .setMetadata(metadata.toWire(defaults))
                .putAllContext(context(metadata))
                .setEdek(Texts.bytes(edek, "edek"))
                .setTargetKeyId(orEmpty(targetKeyId, "targetKeyId"))
                .build();
        return new Request<>(CryptoServiceGrpc.getRewrapMethod(), message, Answers::rewrapped);
    }

    Request<LogSecurityEventRequest, LogSecurityEventResponse, String> securityEvent(SecurityEvent event, Metadata metadata) {
        if (metadata.hasContext()) throw Errors.invalid("an event has no context: attributes are recorded with it");
        LogSecurityEventRequest.Builder message = LogSecurityEventRequest.newBuilder()
                .setTenantId(tenant(metadata))
                .setEvent(Texts.checked(event.event(), "event"))
                .setMetadata(metadata.toWire(defaults))
                .setTargetUserId(orEmpty(event.targetUserId(), "targetUserId"))
                .setMessage(orEmpty(event.message(), "message"));
        Instant at = event.occurredAt();
        if (at != null) message.setOccurredAt(Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()));
        return new Request<>(
                AuditServiceGrpc.getLogSecurityEventMethod(), message.build(), LogSecurityEventResponse::getRecordId);
    }

    static Request<CheckKeyRequest, CheckKeyResponse, KeyCheck> checkKey(String tenantId, String keyId) {
        CheckKeyRequest message = CheckKeyRequest.newBuilder()
                .setTenantId(Texts.checked(tenantId, "tenantId"))
                .setKeyId(orEmpty(keyId, "keyId"))
                .build();
        return new Request<>(KeyServiceGrpc.getCheckKeyMethod(), message, Answers::check);
    }

    static Request<ListKeysRequest, ListKeysResponse, List<Key>> listKeys(String tenantId) {
        ListKeysRequest message =
                ListKeysRequest.newBuilder().setTenantId(Texts.checked(tenantId, "tenantId")).build();
        return new Request<>(KeyServiceGrpc.getListKeysMethod(), message, answer ->
                answer.getKeysList().stream().map(Answers::key).toList());
    }

    static Request<DropKeysRequest, DropKeysResponse, Integer> dropKeys(String tenantId, String keyId) {
        DropKeysRequest message = DropKeysRequest.newBuilder()
                .setTenantId(Texts.checked(tenantId, "tenantId"))
                .setKeyId(orEmpty(keyId, "keyId"))
                .build();
        return new Request<>(KeyServiceGrpc.getDropKeysMethod(), message, DropKeysResponse::getDropped);
    }

    static Request<HealthCheckRequest, HealthCheckResponse, Boolean> health() {
        HealthCheckRequest message =
                HealthCheckRequest.newBuilder().setService(CryptoServiceGrpc.SERVICE_NAME).build();
        return new Request<>(HealthGrpc.getCheckMethod(), message, answer -> answer.getStatus() == ServingStatus.SERVING);
    }

    static String tenant(Metadata metadata) {
        return Texts.checked(metadata.tenantId().orElse(null), "tenantId");
    }

    static Map<String, String> context(Metadata metadata) {
        return Texts.pairs(metadata.context(), "context");
    }

    static String orEmpty(String text, String what) {
        return text == null ? "" : Texts.checked(text, what);
    }
}
