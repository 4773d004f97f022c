package dev.keyside.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.function.Predicate;

/** What a daemon answered, as our own errors. */
final class Statuses {
    private static final String DOMAIN = "keyside.dev";

    private Statuses() {}

    /**
     * How a call ended.
     *
     * @param wasSent whether it was handed to a connection: else nobody has seen it
     */
    static KeysideException failure(Status status, Metadata trailers, String address, boolean wasSent) {
        Code code = status.getCode();
        com.google.rpc.Status told = detailsIn(status, trailers);
        Answer answer = told == null ? Answer.NONE : answerIn(told);
        if (answer.info == null) {
            if (code == Code.DEADLINE_EXCEEDED) return Errors.late(address);
            if (code == Code.UNAVAILABLE && !wasSent) return Errors.unreachable(address, reasonOf(status));
            if (code == Code.UNAVAILABLE && isBroken(status)) return Errors.brokenOff(address, reasonOf(status));
            // The transport's way to say that it could not parse what came.
            if (code == Code.CANCELLED && isUnreadable(status.getCause())) {
                return Errors.unexpected("the answer cannot be read", status.getCause());
            }
            // A call that was cancelled at the other end.
            if (code == Code.CANCELLED && isBroken(status)) return Errors.brokenOff(address, reasonOf(status));
            if (code == Code.CANCELLED) return Errors.cancelled("the caller cancelled the call");
        }
        String message = status.getDescription() == null ? "no reason was given" : status.getDescription();
        return answered(message, code, answer);
    }

    /** A {@code google.rpc.Status} within an answer. */
    static KeysideException of(com.google.rpc.Status status) {
        return answered(status.getMessage(), Status.fromCodeValue(status.getCode()).getCode(), answerIn(status));
    }

    private static KeysideException answered(String message, Code code, Answer answer) {
        String reason = answer.info == null || answer.info.getReason().isEmpty() ? code.name() : answer.info.getReason();
        String start = reason + ": ";
        String sentence = message.startsWith(start) ? message.substring(start.length()) : message;
        Map<String, String> details = answer.info == null ? Map.of() : answer.info.getMetadataMap();
        // Where no daemon said why, nothing is known but that nobody answered.
        boolean retryable = answer.info == null
                ? code == Code.UNAVAILABLE || code == Code.DEADLINE_EXCEEDED
                : answer.retryAfter != null;
        return Errors.of(sentence, new ErrorFacts(reason, code, details, answer.retryAfter, retryable, null));
    }

    /** Null where the trailer is not what a daemon sends: a proxy's error must not hide behind a parser's. */
    private static com.google.rpc.Status detailsIn(Status status, Metadata trailers) {
        if (trailers == null) return null;
        try {
            return StatusProto.fromStatusAndTrailers(status, trailers);
        } catch (IllegalArgumentException malformed) {
            return null;
        }
    }

    /** What a daemon of ours sent; another system's details are none. */
    private static Answer answerIn(com.google.rpc.Status status) {
        ErrorInfo info = find(status, ErrorInfo.class, each -> each.getDomain().equals(DOMAIN));
        if (info == null) return Answer.NONE;
        // Without a time it says nothing.
        RetryInfo retry = find(status, RetryInfo.class, RetryInfo::hasRetryDelay);
        Duration retryAfter = retry == null
                ? null
                : Duration.ofSeconds(retry.getRetryDelay().getSeconds(), retry.getRetryDelay().getNanos());
        return new Answer(info, retryAfter);
    }

    /** The first such detail; null where there is none. What cannot be read is not one. */
    private static <T extends Message> T find(com.google.rpc.Status status, Class<T> type, Predicate<T> isSuch) {
        for (Any each : status.getDetailsList()) {
            if (!each.is(type)) continue;
            try {
                T detail = each.unpack(type);
                if (isSuch.test(detail)) return detail;
            } catch (InvalidProtocolBufferException malformed) {
                continue;
            }
        }
        return null;
    }

    /** The transport gives what broke as the cause, or in words alone. */
    static Throwable reasonOf(Status status) {
        if (status.getCause() != null) return status.getCause();
        return status.getDescription() == null ? null : new IOException(status.getDescription());
    }

    /** Whether the transport itself ended the call, not who answered it. */
    private static boolean isBroken(Status status) {
        String says = String.valueOf(status.getDescription());
        return status.getCause() instanceof IOException || says.contains("Network closed") || says.contains("Connection closed")
                || says.contains("GOAWAY") || says.contains("RST_STREAM");
    }

    private static boolean isUnreadable(Throwable cause) {
        Status status = cause instanceof StatusRuntimeException runtime ? runtime.getStatus()
                : cause instanceof StatusException checked ? checked.getStatus() : null;
        return status != null && status.getCode() == Code.INTERNAL;
    }

    private record Answer(ErrorInfo info, Duration retryAfter) {
        static final Answer NONE = new Answer(null, null);
    }
}
