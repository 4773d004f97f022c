package dev.keyside.client;

import java.time.Duration;

/**
 * How far calls go.
 *
 * @param timeout above zero: of each call with all its attempts
 * @param maxAttempts at least 1: how often a call is made where the daemon names a time to retry after
 */
record CallLimits(Duration timeout, int maxAttempts) {
    CallLimits {
        if (timeout.isNegative() || timeout.isZero()) throw new IllegalArgumentException("the timeout is not above zero");
        if (maxAttempts < 1) throw new IllegalArgumentException("the attempts are fewer than 1");
    }

    CallLimits withTimeout(Duration limit) {
        return new CallLimits(limit, maxAttempts);
    }

    CallLimits withMaxAttempts(int attempts) {
        return new CallLimits(timeout, attempts);
    }
}
