package dev.keyside.client;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;

/** What came of a stream's call, for one thread that takes it. */
final class Inbox<A> implements DuplexCall.Events<A> {
    private final Queue<A> messages = new ArrayDeque<>();
    private boolean hasEnded;
    private KeysideException failure;
    /** Counts what happens, so that nothing is slept through. */
    private long happened;

    @Override
    public synchronized void onMessage(A message) {
        messages.add(message);
        wake();
    }

    @Override
    public synchronized void onReady() {
        wake();
    }

    @Override
    public synchronized void onEnd(KeysideException why) {
        hasEnded = true;
        failure = why;
        wake();
    }

    /** Null where none is there yet. */
    synchronized A poll() {
        return messages.poll();
    }

    synchronized boolean hasEnded() {
        return hasEnded && messages.isEmpty();
    }

    synchronized KeysideException failure() {
        return failure;
    }

    synchronized long happened() {
        return happened;
    }

    /** Waits until more has happened than {@code known}. False where the time was up before. */
    synchronized boolean await(long known, long nanos) throws InterruptedException {
        long end = System.nanoTime() + nanos;
        while (happened == known) {
            long left = end - System.nanoTime();
            if (left <= 0) return false;
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, TimeUnit.MILLISECONDS.toNanos(1)));
        }
        return true;
    }

    private void wake() {
        happened++;
        notifyAll();
    }
}
