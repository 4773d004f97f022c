package dev.keyside.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Phase {@code write}: encrypts all scenarios. */
record InteropWriter(Interop interop, KeysideClient client) {
    void write() throws IOException {
        JsonObject documents = new JsonObject();
        for (JsonObject each : interop.list("documents")) {
            PlaintextDocument document = PlaintextDocument.of(Interop.values(each.getAsJsonObject("fields")));
            Metadata metadata = Interop.metadata(each.getAsJsonObject("metadata"));
            documents.add(Interop.text(each, "id"), Interop.toJson(client.encrypt(document, metadata)));
        }
        JsonObject batches = new JsonObject();
        for (JsonObject each : interop.list("batches")) batches.add(Interop.text(each, "id"), batch(each));
        JsonObject streams = new JsonObject();
        for (JsonObject each : interop.list("streams")) streams.add(Interop.text(each, "id"), stream(each));
        JsonObject all = new JsonObject();
        all.add("documents", documents);
        all.add("batches", batches);
        all.add("streams", streams);
        Files.writeString(interop.folder.resolve(Interop.LANGUAGE + ".json"), all.toString());
    }

    private JsonArray batch(JsonObject scenario) {
        List<EncryptItem> items = new ArrayList<>();
        for (JsonElement each : Interop.array(scenario, "documents")) {
            JsonObject item = each.getAsJsonObject();
            items.add(new EncryptItem(
                            Interop.text(item, "id"),
                            PlaintextDocument.of(Interop.values(item.getAsJsonObject("fields"))))
                    .withContext(Interop.texts(item.getAsJsonObject("context"))));
        }
        JsonArray written = new JsonArray();
        for (BatchResult<EncryptedDocument> result :
                client.encryptBatch(items, Interop.metadata(scenario.getAsJsonObject("metadata")))) {
            JsonObject json = Interop.toJson(result.orElseThrow());
            json.addProperty("id", result.id());
            written.add(json);
        }
        return written;
    }

    private JsonObject stream(JsonObject scenario) throws IOException {
        Metadata metadata = Interop.metadata(scenario.getAsJsonObject("metadata"));
        String body = Interop.LANGUAGE + "-" + Interop.text(scenario, "id") + ".body";
        JsonObject json = new JsonObject();
        try (EncryptedStream sealed = scenario.get("detached").getAsBoolean()
                ? client.encryptDetachedStream(Interop.source(scenario), metadata)
                : client.encryptStream(Interop.source(scenario), metadata)) {
            Files.copy(sealed, interop.folder.resolve(body), StandardCopyOption.REPLACE_EXISTING);
            json.addProperty("edek", Interop.base64(sealed.edek()));
        }
        json.addProperty("body", body);
        return json;
    }
}
