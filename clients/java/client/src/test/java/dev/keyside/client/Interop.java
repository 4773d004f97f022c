package dev.keyside.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The scenarios of the conformance suite, as this client understands them. */
final class Interop {
    static final String LANGUAGE = "java";

    final JsonObject scenarios;
    final Path folder;

    Interop() throws IOException {
        scenarios = json(Path.of(System.getenv("KEYSIDE_INTEROP_SCENARIOS")));
        folder = Path.of(System.getenv("KEYSIDE_INTEROP_DIR"));
    }

    static JsonObject json(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }

    List<JsonObject> list(String kind) {
        List<JsonObject> objects = new ArrayList<>();
        for (JsonElement each : scenarios.getAsJsonArray(kind)) objects.add(each.getAsJsonObject());
        return objects;
    }

    JsonObject find(String kind, String id) {
        return list(kind).stream().filter(each -> text(each, "id").equals(id)).findFirst().orElseThrow();
    }

    static String text(JsonObject object, String name) {
        return object.get(name).getAsString();
    }

    static byte[] bytes(JsonElement base64) {
        return Base64.getDecoder().decode(base64.getAsString());
    }

    static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    static byte[] value(JsonObject value) {
        if (value.has("text")) return Texts.utf8(text(value, "text"));
        if (value.has("base64")) return bytes(value.get("base64"));
        return pattern(value.get("bytes").getAsInt(), value.get("seed").getAsInt());
    }

    static byte[] pattern(int count, int seed) {
        byte[] bytes = new byte[count];
        for (int at = 0; at < count; at++) bytes[at] = (byte) ((at * 31L + seed) % 251);
        return bytes;
    }

    static Map<String, byte[]> values(JsonObject fields) {
        Map<String, byte[]> values = new LinkedHashMap<>();
        fields.entrySet().forEach(each -> values.put(each.getKey(), value(each.getValue().getAsJsonObject())));
        return values;
    }

    static Map<String, String> texts(JsonObject pairs) {
        Map<String, String> texts = new LinkedHashMap<>();
        pairs.entrySet().forEach(each -> texts.put(each.getKey(), each.getValue().getAsString()));
        return texts;
    }

    static Metadata metadata(JsonObject said) {
        Metadata.Builder builder = Metadata.builder(said.has("tenantId") ? text(said, "tenantId") : "");
        for (Map.Entry<String, JsonElement> each : said.entrySet()) {
            JsonElement value = each.getValue();
            switch (each.getKey()) {
                case "tenantId" -> { }
                case "requesterId" -> builder.requesterId(value.getAsString());
                case "dataLabel" -> builder.dataLabel(value.getAsString());
                case "purpose" -> builder.purpose(value.getAsString());
                case "requestId" -> builder.requestId(value.getAsString());
                case "sourceIp" -> builder.sourceIp(value.getAsString());
                case "objectId" -> builder.objectId(value.getAsString());
                case "subjectId" -> builder.subjectId(value.getAsString());
                case "attributes" -> texts(value.getAsJsonObject()).forEach(builder::attribute);
                case "context" -> builder.context(texts(value.getAsJsonObject()));
                default -> throw new IllegalArgumentException("metadata has " + each.getKey());
            }
        }
        return builder.build();
    }

    static JsonObject toJson(EncryptedDocument document) {
        JsonObject fields = new JsonObject();
        document.fields().forEach((name, bytes) -> fields.addProperty(name, base64(bytes)));
        JsonObject json = new JsonObject();
        json.addProperty("edek", base64(document.edek()));
        json.add("fields", fields);
        return json;
    }

    static EncryptedDocument fromJson(JsonObject json) {
        Map<String, byte[]> fields = new LinkedHashMap<>();
        json.getAsJsonObject("fields").entrySet().forEach(each -> fields.put(each.getKey(), bytes(each.getValue())));
        return EncryptedDocument.of(bytes(json.get("edek")), fields);
    }

    /** Null where the two are the same. */
    static String difference(Map<String, byte[]> expected, PlaintextDocument found) {
        if (!found.fields().keySet().equals(expected.keySet())) return "found fields " + found.fields().keySet();
        for (Map.Entry<String, byte[]> each : expected.entrySet()) {
            if (!Arrays.equals(each.getValue(), found.bytes(each.getKey()))) return "another value of " + each.getKey();
        }
        return null;
    }

    static InputStream source(JsonObject stream) {
        return new ByteArrayInputStream(pattern(stream.get("bytes").getAsInt(), stream.get("seed").getAsInt()));
    }

    static JsonArray array(JsonObject object, String name) {
        return object.getAsJsonArray(name);
    }
}
