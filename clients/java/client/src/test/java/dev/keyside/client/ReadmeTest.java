package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** The five minutes of the README. */
class ReadmeTest {
    private static final Pattern PROGRAM =
            Pattern.compile("```java\\n(import [^`]*?class Quickstart [^`]*?)```\\n.*?```text\\n([^`]*)```", Pattern.DOTALL);

    @Test
    @EnabledIfEnvironmentVariable(named = "KEYSIDE_INTEROP_PHASE", matches = "write", disabledReason = "needs a daemon: npm run interop")
    void itsProgramRunsAndSaysWhatItIsSaidToSay(@TempDir Path folder) throws Exception {
        Matcher program = PROGRAM.matcher(Files.readString(Path.of(System.getProperty("keyside.readme"))));
        assertTrue(program.find());
        Path source = Files.writeString(folder.resolve("Quickstart.java"), program.group(1));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        Process process = new ProcessBuilder(java, "-cp", classPath, source.toString()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        assertEquals(program.group(2), output);
    }
}
