package dev.keyside.client;

import java.time.Duration;
import java.util.Optional;

/**
 * What a probe found.
 *
 * @param key the key configuration that was probed
 * @param isUsable whether wrap and unwrap worked and gave the same bytes
 * @param kmsState as the KMS states it: {@code enabled}, {@code disabled}, {@code pending-deletion}, {@code destroyed} or {@code unknown}
 * @param keyVersion empty where the provider shows none
 * @param wrapLatency how long the wrap took; empty where it did not happen
 * @param unwrapLatency how long the unwrap took; empty where it did not happen
 * @param error why the key is not usable; empty where it is
 */
public record KeyCheck(
        Key key,
        boolean isUsable,
        String kmsState,
        String keyVersion,
        Optional<Duration> wrapLatency,
        Optional<Duration> unwrapLatency,
        Optional<KeysideException> error) {}
