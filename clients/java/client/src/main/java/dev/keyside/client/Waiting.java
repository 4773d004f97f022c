package dev.keyside.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** A thread that waits for an answer. */
final class Waiting {
    private Waiting() {}

    /** What the future gives. An interrupt of the thread ends the call, and stays set. */
    static <T> T on(CompletableFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException interrupted) {
            future.cancel(true);
            throw interrupted();
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof KeysideException cause) throw cause.here();
            throw Errors.unexpected("the call failed", failed.getCause());
        }
    }

    static KeysideException interrupted() {
        Thread.currentThread().interrupt();
        return Errors.cancelled("the thread was interrupted");
    }
}
