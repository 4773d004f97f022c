package dev.keyside.client;

import io.grpc.Status.Code;
import java.util.Map;
import java.util.concurrent.CompletionException;

/** Which type belongs to which reason, and the errors that this side finds by itself. */
final class Errors {
    private interface Maker {
        KeysideException make(String sentence, ErrorFacts facts);
    }

    private static final Map<String, Maker> BY_REASON = Map.ofEntries(
            Map.entry("REQUEST_INVALID", RequestInvalidException::new),
            Map.entry("PAYLOAD_TOO_LARGE", PayloadTooLargeException::new),
            Map.entry("EDEK_MALFORMED", EdekMalformedException::new),
            Map.entry("CIPHERTEXT_REJECTED", CiphertextRejectedException::new),
            Map.entry("CALLER_UNAUTHENTICATED", CallerUnauthenticatedException::new),
            Map.entry("CALLER_NOT_ALLOWED", CallerNotAllowedException::new),
            Map.entry("TENANT_UNKNOWN", TenantUnknownException::new),
            Map.entry("NO_PRIMARY_KEY", NoPrimaryKeyException::new),
            Map.entry("KEY_DISABLED_HERE", KeyDisabledHereException::new),
            Map.entry("KEY_REVOKED", KeyRevokedException::new),
            Map.entry("KEY_ACCESS_DENIED", KeyAccessDeniedException::new),
            Map.entry("KEY_NOT_FOUND", KeyNotFoundException::new),
            Map.entry("KEY_MISCONFIGURED", KeyMisconfiguredException::new),
            Map.entry("POLICY_DENIED", PolicyDeniedException::new),
            Map.entry("KMS_THROTTLED", KmsThrottledException::new),
            Map.entry("KMS_UNAVAILABLE", KmsUnavailableException::new),
            Map.entry("KMS_TIMEOUT", KmsTimeoutException::new),
            Map.entry("OVERLOADED", OverloadedException::new),
            Map.entry("DRAINING", DrainingException::new),
            Map.entry("AUDIT_UNAVAILABLE", AuditUnavailableException::new),
            Map.entry("INTERNAL", InternalException::new),
            Map.entry("DEADLINE_EXCEEDED", DeadlineExceededException::new),
            Map.entry("CANCELLED", CancelledException::new),
            Map.entry("UNAVAILABLE", UnavailableException::new));

    private Errors() {}

    /** The error of the type that belongs to its reason; a plain one where none does. */
    static KeysideException of(String sentence, ErrorFacts facts) {
        return BY_REASON.getOrDefault(facts.reason(), KeysideException::new).make(sentence, facts);
    }

    /** A request that is refused here, before anything is sent. */
    static KeysideException invalid(String sentence) {
        return of(sentence, ErrorFacts.of("REQUEST_INVALID", Code.INVALID_ARGUMENT));
    }

    static KeysideException cancelled(String sentence) {
        return of(sentence, ErrorFacts.of("CANCELLED", Code.CANCELLED));
    }

    /** The time was up before a daemon answered. */
    static KeysideException late(String address) {
        ErrorFacts facts = ErrorFacts.of("DEADLINE_EXCEEDED", Code.DEADLINE_EXCEEDED).asRetryable();
        return of("no answer from " + address + " in time", facts);
    }

    /** What came is not what a daemon sends. */
    static KeysideException unexpected(String sentence, Throwable cause) {
        return of(sentence, ErrorFacts.of("INTERNAL", Code.INTERNAL).because(cause));
    }

    /** What a chain of futures failed with; another failure than one of ours is unexpected. */
    static KeysideException within(Throwable failure, String sentence) {
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return cause instanceof KeysideException known ? known : unexpected(sentence, cause);
    }

    /** Nobody answers there. */
    static KeysideException unreachable(String address, Throwable cause) {
        ErrorFacts facts = ErrorFacts.of("UNAVAILABLE", Code.UNAVAILABLE).asRetryable().because(cause);
        return of("no daemon answers at " + address + " (" + SystemErrors.sentence(cause) + ")", facts);
    }

    /** The connection ended under a call: whether it was carried out is not known. */
    static KeysideException brokenOff(String address, Throwable cause) {
        ErrorFacts facts = ErrorFacts.of("UNAVAILABLE", Code.UNAVAILABLE).asRetryable().because(cause);
        return of("the connection to " + address + " ended before the answer", facts);
    }
}
