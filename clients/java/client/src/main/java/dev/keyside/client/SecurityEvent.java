package dev.keyside.client;

import java.time.Instant;
import java.util.Objects;

/**
 * Something that happened in the application, for the tenant's audit trail.
 *
 * @param event a name that Keyside knows, such as {@code USER_LOGIN}, or {@code CUSTOM_} and capital letters, digits and underscores
 * @param occurredAt when it happened; null for now
 * @param targetUserId the user whom it was done to; null for the requester
 * @param message a sentence for people, at most 4,096 bytes, or null; never put a secret here
 */
public record SecurityEvent(String event, Instant occurredAt, String targetUserId, String message) {
    /**
     * The event is never null.
     *
     * @param event a name that Keyside knows, such as {@code USER_LOGIN}, or {@code CUSTOM_} and capital letters, digits and underscores
     * @param occurredAt when it happened; null for now
     * @param targetUserId the user whom it was done to; null for the requester
     * @param message a sentence for people, at most 4,096 bytes, or null; never put a secret here
     */
    public SecurityEvent {
        Objects.requireNonNull(event, "event");
    }

    /**
     * An event of this moment.
     *
     * @param event its name
     */
    public SecurityEvent(String event) {
        this(event, null, null, null);
    }

    /**
     * The same at another time.
     *
     * @param moment when it happened
     * @return another event
     */
    public SecurityEvent at(Instant moment) {
        return new SecurityEvent(event, moment, targetUserId, message);
    }

    /**
     * The same, done to a user.
     *
     * @param userId whom
     * @return another event
     */
    public SecurityEvent to(String userId) {
        return new SecurityEvent(event, occurredAt, userId, message);
    }

    /**
     * The same with a sentence for people.
     *
     * @param sentence without secrets
     * @return another event
     */
    public SecurityEvent saying(String sentence) {
        return new SecurityEvent(event, occurredAt, targetUserId, sentence);
    }
}
