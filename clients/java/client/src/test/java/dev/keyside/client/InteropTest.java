package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** This client's part in the conformance suite of all clients. */
class InteropTest {
    @Test
    @EnabledIfEnvironmentVariable(named = "KEYSIDE_INTEROP_PHASE", matches = "write", disabledReason = "needs a daemon: npm run interop")
    void writesAllScenarios() throws Exception {
        Interop interop = new Interop();
        try (KeysideClient client = KeysideClient.create()) {
            new InteropWriter(interop, client).write();
        }
        assertFalse(Interop.json(interop.folder.resolve("java.json")).entrySet().isEmpty());
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "KEYSIDE_INTEROP_PHASE", matches = "read", disabledReason = "needs a daemon: npm run interop")
    void readsWhatEveryClientWrote() throws Exception {
        Interop interop = new Interop();
        JsonArray results = new JsonArray();
        try (KeysideClient client = KeysideClient.create()) {
            for (String writer : System.getenv("KEYSIDE_INTEROP_WRITERS").split(",")) {
                var written = Interop.json(interop.folder.resolve(writer + ".json"));
                new InteropReader(interop, client, writer, written).read(results);
            }
        }
        Files.writeString(interop.folder.resolve("read-by-java.json"), results.toString());
        List<String> failed = new ArrayList<>();
        for (JsonElement each : results) {
            if (!each.getAsJsonObject().get("passed").getAsBoolean()) failed.add(each.toString());
        }
        assertEquals(List.of(), failed);
        assertFalse(results.isEmpty());
    }
}
