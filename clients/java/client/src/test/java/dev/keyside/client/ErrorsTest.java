package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.keyside.client.internal.v1.BatchEncryptResponse;
import dev.keyside.client.internal.v1.BatchEncryptResult;
import dev.keyside.client.internal.v1.EncryptResponse;
import dev.keyside.client.internal.v1.ErrorReason;
import io.grpc.Status.Code;
import java.io.ByteArrayOutputStream;
import java.io.ObjectOutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** Every reason has its type. */
class ErrorsTest {
    private static final Pattern ROW = Pattern.compile("^\\| `([A-Z_]+)` \\| ([A-Z_]+) \\|", Pattern.MULTILINE);

    @Test
    void everyReasonOfTheDocumentationHasATypeOfItsOwn() throws Exception {
        Matcher row = ROW.matcher(Files.readString(Path.of(System.getProperty("keyside.errors"))));
        int rows = 0;
        while (row.find()) {
            KeysideException error = Statuses.of(status(row.group(1), Code.valueOf(row.group(2))));
            assertEquals(typeOf(row.group(1)), error.getClass().getSimpleName());
            assertEquals(row.group(1), error.reason());
            assertEquals(row.group(2), error.code());
            rows++;
        }
        // All but the first, which is never sent, and the one that is no enum's.
        assertEquals(ErrorReason.values().length - 2, rows);
    }

    @Test
    void aReasonThatIsNotKnownIsAPlainError() {
        KeysideException error = Statuses.of(status("SOMETHING_NEW", Code.ABORTED));
        assertSame(KeysideException.class, error.getClass());
        assertEquals("SOMETHING_NEW", error.reason());
    }

    @Test
    void detailsOfAnotherSystemAreNone() {
        Status foreign = Status.newBuilder()
                .setCode(Code.PERMISSION_DENIED.value())
                .setMessage("go away")
                .addDetails(Any.pack(ErrorInfo.newBuilder().setDomain("proxy.example").setReason("KEY_REVOKED").build()))
                .build();
        assertEquals("PERMISSION_DENIED: go away", Statuses.of(foreign).getMessage());
        Status malformed = Status.newBuilder()
                .setCode(Code.INTERNAL.value())
                .addDetails(Any.newBuilder()
                        .setTypeUrl("type.googleapis.com/google.rpc.ErrorInfo")
                        .setValue(ByteString.copyFrom(new byte[] {(byte) 0xff})))
                .build();
        assertEquals("INTERNAL", Statuses.of(malformed).reason());
    }

    @Test
    void anErrorCanBeWrittenAndKeepsItsCauseWhereItIsThrownAgain() throws Exception {
        KeysideException error = Statuses.of(status("KEY_REVOKED", Code.FAILED_PRECONDITION));
        new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(error);
        KeysideException again = error.here();
        assertSame(error.getClass(), again.getClass());
        assertEquals(error.getMessage(), again.getMessage());
        assertSame(error, again.getCause());
    }

    @Test
    void eachItemOfABatchHasItsOwnOutcome() {
        Batches batches = new Batches(Metadata.defaults().build(), Metadata.forTenant("acme"));
        PlaintextDocument document = PlaintextDocument.ofTexts(Map.of("a", "x"));
        var request = batches.encrypt(List.of(
                new EncryptItem("one", document), new EncryptItem("two", document).withContext(Map.of("row", "2"))));
        assertEquals(Map.of("row", "2"), request.message().getDocuments(1).getContextMap());
        BatchEncryptResponse answer = BatchEncryptResponse.newBuilder()
                .addResults(BatchEncryptResult.newBuilder().setId("one").setDocument(EncryptResponse.getDefaultInstance()))
                .addResults(BatchEncryptResult.newBuilder().setId("two").setError(status("KMS_UNAVAILABLE", Code.UNAVAILABLE)))
                .build();
        var results = request.convert().apply(answer);
        assertTrue(results.get(0).isSuccess());
        assertFalse(results.get(1).isSuccess());
        Assertions.assertThrows(KmsUnavailableException.class, () -> results.get(1).orElseThrow());
        Assertions.assertThrows(InternalException.class, () -> request.convert().apply(BatchEncryptResponse.getDefaultInstance()));
        BatchEncryptResponse mixed = BatchEncryptResponse.newBuilder()
                .addResults(answer.getResults(1))
                .addResults(answer.getResults(0))
                .build();
        Assertions.assertThrows(InternalException.class, () -> request.convert().apply(mixed));
    }

    @Test
    void ourOwnDetailsAreFoundAmongThoseOfOthers() {
        ErrorInfo foreign = ErrorInfo.newBuilder().setDomain("proxy.example").setReason("OTHER").build();
        Status status = Status.newBuilder()
                .setCode(Code.FAILED_PRECONDITION.value())
                .addDetails(Any.pack(foreign))
                .addAllDetails(status("KEY_REVOKED", Code.FAILED_PRECONDITION).getDetailsList())
                .build();
        assertSame(KeyRevokedException.class, Statuses.of(status).getClass());
    }

    @Test
    void aTimeToRetryAfterThatIsNotNamedIsNone() {
        Status.Builder status = status("OVERLOADED", Code.RESOURCE_EXHAUSTED).toBuilder();
        KeysideException without = Statuses.of(status.addDetails(Any.pack(RetryInfo.getDefaultInstance())).build());
        assertFalse(without.isRetryable());
        assertTrue(without.retryAfter().isEmpty());
        RetryInfo now = RetryInfo.newBuilder().setRetryDelay(Duration.getDefaultInstance()).build();
        assertTrue(Statuses.of(status.addDetails(Any.pack(now)).build()).isRetryable());
    }

    @Test
    void theLicenseIsInTheArchive() throws Exception {
        URI classes = KeysideClient.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        assertTrue(Files.readString(Path.of(classes).resolve("META-INF/LICENSE")).contains("Apache License"));
    }

    private static Status status(String reason, Code code) {
        return Status.newBuilder()
                .setCode(code.value())
                .setMessage(reason + ": a sentence")
                .addDetails(Any.pack(ErrorInfo.newBuilder().setDomain("keyside.dev").setReason(reason).build()))
                .build();
    }

    static String typeOf(String reason) {
        StringBuilder name = new StringBuilder();
        for (String word : reason.split("_")) name.append(word.charAt(0)).append(word.substring(1).toLowerCase());
        return name + "Exception";
    }
}
