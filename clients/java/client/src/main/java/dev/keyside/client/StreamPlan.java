package dev.keyside.client;

import java.util.function.Function;
import java.util.function.Supplier;

/**
 * One stream, not begun yet.
 *
 * @param open the first message; what it throws is the stream's failure
 * @param waits whether the daemon's first answer comes before anything of the source is read
 * @param source what to send, which the daemon's first answer may say; asked with null where that was not waited for, or never came
 */
record StreamPlan<Q, A>(Direction<Q, A> direction, Supplier<Q> open, boolean waits, Function<A, Pieces> source) {}
