package dev.keyside.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Scenarios that end in an error. */
record InteropErrors(Interop interop, KeysideClient client, JsonObject written) {
    /** What was wrong, or null. */
    String run(JsonObject scenario) {
        KeysideException failure = scenario.has("token") ? withToken(scenario) : failureOf(scenario, client);
        return failure == null ? "it did not fail" : difference(scenario, failure);
    }

    private KeysideException withToken(JsonObject scenario) {
        Path token = Path.of(System.getenv("KEYSIDE_INTEROP_TOKENS")).resolve(Interop.text(scenario, "token"));
        try (KeysideClient own = KeysideClient.builder().tokenFile(token).build()) {
            return failureOf(scenario, own);
        }
    }

    private KeysideException failureOf(JsonObject scenario, KeysideClient shared) {
        KeysideClient with = scenario.has("deadlineMs")
                ? shared.withTimeout(Duration.ofMillis(scenario.get("deadlineMs").getAsLong()))
                : shared;
        try {
            return call(scenario, with);
        } catch (KeysideException failure) {
            return failure;
        }
    }

    /** Null where it did not fail; what a probe found is in its answer. */
    private KeysideException call(JsonObject scenario, KeysideClient with) {
        Metadata metadata = Interop.metadata(metadataOf(scenario));
        switch (Interop.text(scenario, "call")) {
            case "encrypt" -> with.encrypt(plaintext(scenario), metadata);
            case "decrypt" -> with.decrypt(stored(scenario), metadata);
            case "rewrap" -> with.rewrap(stored(scenario).edek(), metadata);
            case "logSecurityEvent" -> with.logSecurityEvent(new SecurityEvent(Interop.text(scenario, "event")), metadata);
            case "checkKey" -> {
                KeyCheck check = with.checkKey(metadata.tenantId().orElseThrow());
                return check.isUsable() ? null : check.error().orElse(null);
            }
            default -> throw new IllegalArgumentException("call " + Interop.text(scenario, "call"));
        }
        return null;
    }

    private JsonObject metadataOf(JsonObject scenario) {
        JsonObject metadata = new JsonObject();
        if (scenario.has("document")) put(metadata, documentOf(scenario).getAsJsonObject("metadata"));
        if (scenario.has("metadata")) put(metadata, scenario.getAsJsonObject("metadata"));
        return metadata;
    }

    private static void put(JsonObject into, JsonObject from) {
        for (Map.Entry<String, JsonElement> each : from.entrySet()) into.add(each.getKey(), each.getValue());
    }

    private JsonObject documentOf(JsonObject scenario) {
        return interop.find("documents", Interop.text(scenario, "document"));
    }

    private static PlaintextDocument plaintext(JsonObject scenario) {
        if (!scenario.has("fields")) return PlaintextDocument.ofTexts(Map.of("a", "x"));
        return PlaintextDocument.of(Interop.values(scenario.getAsJsonObject("fields")));
    }

    private EncryptedDocument stored(JsonObject scenario) {
        EncryptedDocument document = Interop.fromJson(
                written.getAsJsonObject("documents").getAsJsonObject(Interop.text(scenario, "document")));
        if (!scenario.has("change")) return document;
        JsonObject change = scenario.getAsJsonObject("change");
        if (change.has("edek")) return EncryptedDocument.of(Interop.bytes(change.get("edek")), document.fields());
        String flipped = Interop.text(change, "flip");
        if (flipped.equals("edek")) return EncryptedDocument.of(flip(document.edek()), document.fields());
        Map<String, byte[]> fields = new LinkedHashMap<>(document.fields());
        fields.put(flipped, flip(fields.get(flipped)));
        return EncryptedDocument.of(document.edek(), fields);
    }

    private static byte[] flip(byte[] bytes) {
        byte[] other = bytes.clone();
        other[other.length - 1] ^= 1;
        return other;
    }

    private static String difference(JsonObject scenario, KeysideException failure) {
        String reason = Interop.text(scenario, "reason");
        String found = failure.getClass().getSimpleName() + " " + failure.reason() + " " + failure.code() + " "
                + failure.isRetryable() + " " + failure.tenantId() + " " + failure.keyId();
        String expected = typeOf(reason) + " " + reason + " " + Interop.text(scenario, "code") + " "
                + scenario.get("retryable").getAsBoolean() + " "
                + said(scenario, "tenantId", failure.tenantId()) + " " + said(scenario, "keyId", failure.keyId());
        return found.equals(expected) ? null : "found " + found + ", expected " + expected + ": " + failure.getMessage();
    }

    /** Where a scenario does not say, whatever was found is right. */
    private static Optional<String> said(JsonObject scenario, String name, Optional<String> otherwise) {
        return scenario.has(name) ? Optional.of(Interop.text(scenario, name)) : otherwise;
    }

    private static String typeOf(String reason) {
        StringBuilder name = new StringBuilder();
        for (String word : reason.split("_")) name.append(word.charAt(0)).append(word.substring(1).toLowerCase());
        return name + "Exception";
    }
}
