package dev.keyside.client;

import com.google.protobuf.ByteString;
import dev.keyside.client.internal.v1.CheckKeyResponse;
import dev.keyside.client.internal.v1.DecryptResponse;
import dev.keyside.client.internal.v1.EncryptResponse;
import dev.keyside.client.internal.v1.KeyConfiguration;
import dev.keyside.client.internal.v1.RewrapResponse;
import java.time.Duration;
import java.util.Optional;

/** What the daemon's answers are to the caller. */
final class Answers {
    private Answers() {}

    static EncryptedDocument encrypted(EncryptResponse answer) {
        return EncryptedDocument.of(answer.getEdek().toByteArray(), Texts.fromWire(answer.getFieldsMap()));
    }

    static PlaintextDocument decrypted(DecryptResponse answer) {
        return PlaintextDocument.of(Texts.fromWire(answer.getFieldsMap()));
    }

    static RewrappedKey rewrapped(RewrapResponse answer) {
        return new RewrappedKey(answer.getEdek().toByteArray(), answer.getKeyId(), answer.getChanged());
    }

    static Key key(KeyConfiguration key) {
        Key.State state = switch (key.getState()) {
            case KEY_CONFIGURATION_STATE_PRIMARY -> Key.State.PRIMARY;
            case KEY_CONFIGURATION_STATE_ACTIVE -> Key.State.ACTIVE;
            case KEY_CONFIGURATION_STATE_DISABLED -> Key.State.DISABLED;
            default -> Key.State.UNKNOWN;
        };
        return new Key(key.getKeyId(), key.getProvider(), state, key.getCustody(), key.getVendorDefault());
    }

    static KeyCheck check(CheckKeyResponse answer) {
        return new KeyCheck(
                key(answer.getKey()),
                answer.getUsable(),
                answer.getKmsState(),
                answer.getKeyVersion(),
                answer.hasWrapLatency() ? Optional.of(duration(answer.getWrapLatency())) : Optional.empty(),
                answer.hasUnwrapLatency() ? Optional.of(duration(answer.getUnwrapLatency())) : Optional.empty(),
                answer.hasError() ? Optional.of(Statuses.of(answer.getError())) : Optional.empty());
    }

    static ByteString optional(byte[] bytes) {
        return bytes == null ? ByteString.EMPTY : Texts.bytes(bytes, "edek");
    }

    private static Duration duration(com.google.protobuf.Duration duration) {
        return Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
    }
}
