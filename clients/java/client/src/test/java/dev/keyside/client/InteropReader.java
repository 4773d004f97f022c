package dev.keyside.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Phase {@code read}: decrypts what one writer wrote. Each scenario returns what was wrong, or null. */
record InteropReader(Interop interop, KeysideClient client, String writer, JsonObject written) {
    interface Scenario {
        String run() throws Exception;
    }

    void read(JsonArray results) {
        for (JsonObject each : interop.list("documents")) add(results, "document", each, () -> document(each));
        for (JsonObject each : interop.list("batches")) add(results, "batch", each, () -> batch(each));
        for (JsonObject each : interop.list("streams")) add(results, "stream", each, () -> stream(each));
        for (JsonObject each : interop.list("ranges")) add(results, "range", each, () -> range(each));
        for (JsonObject each : interop.list("errors")) {
            add(results, "errors", each, () -> new InteropErrors(interop, client, written).run(each));
        }
    }

    private void add(JsonArray results, String kind, JsonObject scenario, Scenario run) {
        String says;
        try {
            says = run.run();
        } catch (Exception failure) {
            says = failure.toString();
        }
        JsonObject result = new JsonObject();
        result.addProperty("writer", writer);
        result.addProperty("kind", kind);
        result.addProperty("scenario", Interop.text(scenario, "id"));
        result.addProperty("passed", says == null);
        result.addProperty("says", says == null ? "" : says);
        results.add(result);
    }

    private JsonObject found(String kind, JsonObject scenario) {
        return written.getAsJsonObject(kind).getAsJsonObject(Interop.text(scenario, "id"));
    }

    /** Whose key the driver gives another version between the phases. */
    private static final String ROTATED = "acme";
    private static final String UNCHANGED = "rewrapping changed nothing, though the key has another version";

    private String document(JsonObject scenario) {
        Metadata metadata = Interop.metadata(scenario.getAsJsonObject("metadata"));
        Map<String, byte[]> expected = Interop.values(scenario.getAsJsonObject("fields"));
        EncryptedDocument stored = Interop.fromJson(found("documents", scenario));
        String before = Interop.difference(expected, client.decrypt(stored, metadata));
        if (before != null) return before;
        RewrappedKey rewrapped = client.rewrap(stored.edek(), metadata);
        if (!isRewrapped(rewrapped, metadata)) return UNCHANGED;
        EncryptedDocument again = EncryptedDocument.of(rewrapped.edek(), stored.fields());
        return Interop.difference(expected, client.decrypt(again, metadata));
    }

    private String batch(JsonObject scenario) {
        Metadata metadata = Interop.metadata(scenario.getAsJsonObject("metadata"));
        List<DecryptItem> items = new ArrayList<>();
        List<RewrapItem> keys = new ArrayList<>();
        List<Map<String, byte[]>> expected = new ArrayList<>();
        JsonArray stored = written.getAsJsonObject("batches").getAsJsonArray(Interop.text(scenario, "id"));
        for (int at = 0; at < stored.size(); at++) {
            JsonObject item = Interop.array(scenario, "documents").get(at).getAsJsonObject();
            Map<String, String> context = Interop.texts(item.getAsJsonObject("context"));
            EncryptedDocument document = Interop.fromJson(stored.get(at).getAsJsonObject());
            items.add(new DecryptItem(Interop.text(item, "id"), document, context));
            keys.add(new RewrapItem(Interop.text(item, "id"), document.edek(), context));
            expected.add(Interop.values(item.getAsJsonObject("fields")));
        }
        String all = compare(items, expected, client.decryptBatch(items, metadata), 0);
        if (all != null) return all;
        items.set(0, items.get(0).withContext(Map.of("wrong", "context")));
        List<BatchResult<PlaintextDocument>> results = client.decryptBatch(items, metadata);
        if (!(results.get(0).error().orElse(null) instanceof CiphertextRejectedException)) {
            return "the first item with a wrong context: " + results.get(0);
        }
        String others = compare(items, expected, results, 1);
        if (others != null) return others;
        for (BatchResult<RewrappedKey> result : client.rewrapBatch(keys, metadata)) {
            if (!isRewrapped(result.orElseThrow(), metadata)) return UNCHANGED + ": " + result.id();
        }
        return null;
    }

    private static boolean isRewrapped(RewrappedKey key, Metadata metadata) {
        return key.isChanged() || !metadata.tenantId().orElseThrow().equals(ROTATED);
    }

    private static String compare(
            List<DecryptItem> items,
            List<Map<String, byte[]>> expected,
            List<BatchResult<PlaintextDocument>> results,
            int from) {
        for (int at = from; at < items.size(); at++) {
            BatchResult<PlaintextDocument> result = results.get(at);
            if (!result.id().equals(items.get(at).id())) return "item " + at + " has the id " + result.id();
            String difference = Interop.difference(expected.get(at), result.orElseThrow());
            if (difference != null) return "item " + at + ": " + difference;
        }
        return null;
    }

    private String stream(JsonObject scenario) throws IOException {
        Metadata metadata = Interop.metadata(scenario.getAsJsonObject("metadata"));
        JsonObject stored = found("streams", scenario);
        byte[] plaintext;
        try (InputStream body = Files.newInputStream(body(stored));
                InputStream opened = scenario.get("detached").getAsBoolean()
                        ? client.decryptStream(Interop.bytes(stored.get("edek")), body, metadata)
                        : client.decryptStream(body, metadata)) {
            plaintext = opened.readAllBytes();
        }
        return same(Interop.source(scenario).readAllBytes(), plaintext);
    }

    private String range(JsonObject scenario) throws IOException {
        JsonObject stream = interop.find("streams", Interop.text(scenario, "stream"));
        JsonObject stored = found("streams", stream);
        byte[] edek = Interop.bytes(stored.get("edek"));
        long offset = scenario.get("offset").getAsLong();
        JsonElement length = scenario.get("length");
        long size = stream.get("bytes").getAsLong();
        ObjectRange range = length.isJsonNull()
                ? ObjectRange.from(edek, offset, size)
                : new ObjectRange(edek, offset, length.getAsLong(), size);
        long bodyStart = stream.get("detached").getAsBoolean() ? 0 : edek.length;
        byte[] plaintext;
        try (FileChannel file = FileChannel.open(body(stored));
                InputStream part = client.decryptRange(
                        range, file, bodyStart, Interop.metadata(stream.getAsJsonObject("metadata")))) {
            plaintext = part.readAllBytes();
        }
        byte[] all = Interop.source(stream).readAllBytes();
        int from = (int) Math.min(offset, all.length);
        return same(Arrays.copyOfRange(all, from, from + scenario.get("expected").getAsInt()), plaintext);
    }

    private Path body(JsonObject stored) {
        return interop.folder.resolve(Interop.text(stored, "body"));
    }

    private static String same(byte[] expected, byte[] found) {
        if (Arrays.equals(expected, found)) return null;
        return "found " + found.length + " bytes, expected " + expected.length + ", first other at "
                + Arrays.mismatch(expected, found);
    }
}
