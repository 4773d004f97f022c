package dev.keyside.client;

import dev.keyside.client.internal.v1.RequestMetadata;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * For whom a call is made and on whose behalf. All but {@link #context()} is recorded in clear: never put a secret here. What a call
 * says wins over the client's defaults, field by field; attributes are put together by name. Immutable.
 */
public final class Metadata {
    private final String tenantId;
    private final String requesterId;
    private final String dataLabel;
    private final String purpose;
    private final String requestId;
    private final String sourceIp;
    private final String objectId;
    private final String subjectId;
    private final Map<String, String> attributes;
    private final Map<String, String> context;
    /** Whether one was given, if only an empty one. */
    private final boolean hasContext;

    private Metadata(Builder builder) {
        tenantId = builder.tenantId;
        requesterId = builder.requesterId;
        dataLabel = builder.dataLabel;
        purpose = builder.purpose;
        requestId = builder.requestId;
        sourceIp = builder.sourceIp;
        objectId = builder.objectId;
        subjectId = builder.subjectId;
        attributes = Map.copyOf(builder.attributes);
        context = Map.copyOf(builder.context);
        hasContext = builder.hasContext;
    }

    /**
     * Nothing but the tenant.
     *
     * @param tenantId 1 to 128 characters of {@code [A-Za-z0-9._:@-]}
     * @return such metadata
     */
    public static Metadata forTenant(String tenantId) {
        return builder(tenantId).build();
    }

    /**
     * Makes metadata for a call.
     *
     * @param tenantId 1 to 128 characters of {@code [A-Za-z0-9._:@-]}
     * @return a builder
     */
    public static Builder builder(String tenantId) {
        return new Builder(Objects.requireNonNull(tenantId, "tenantId"));
    }

    /**
     * Makes the defaults of a client, which name no tenant: whose data it is must be said each time.
     *
     * @return a builder
     */
    public static Builder defaults() {
        return new Builder((String) null);
    }

    /**
     * The same, to be changed.
     *
     * @return a builder with all that this says
     */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /**
     * The tenant.
     *
     * @return empty for a client's defaults
     */
    public Optional<String> tenantId() {
        return Optional.ofNullable(tenantId);
    }

    /**
     * The person or service that asks.
     *
     * @return empty where nothing was said
     */
    public Optional<String> requesterId() {
        return Optional.ofNullable(requesterId);
    }

    /**
     * Classification of the data, such as {@code pii}; stored with the document when encrypting.
     *
     * @return empty where nothing was said
     */
    public Optional<String> dataLabel() {
        return Optional.ofNullable(dataLabel);
    }

    /**
     * Why the data is used; a tenant's policy may allow certain purposes only.
     *
     * @return empty where nothing was said
     */
    public Optional<String> purpose() {
        return Optional.ofNullable(purpose);
    }

    /**
     * An id to find this request again in the daemon's log.
     *
     * @return empty where nothing was said
     */
    public Optional<String> requestId() {
        return Optional.ofNullable(requestId);
    }

    /**
     * The address from which the requester came.
     *
     * @return empty where nothing was said
     */
    public Optional<String> sourceIp() {
        return Optional.ofNullable(sourceIp);
    }

    /**
     * The application's id of the document.
     *
     * @return empty where nothing was said
     */
    public Optional<String> objectId() {
        return Optional.ofNullable(objectId);
    }

    /**
     * The person whom the data is about.
     *
     * @return empty where nothing was said
     */
    public Optional<String> subjectId() {
        return Optional.ofNullable(subjectId);
    }

    /**
     * Further facts to record.
     *
     * @return unmodifiable
     */
    public Map<String, String> attributes() {
        return attributes;
    }

    /**
     * What is bound to the ciphertext and not stored.
     *
     * @return unmodifiable
     */
    public Map<String, String> context() {
        return context;
    }

    boolean hasContext() {
        return hasContext;
    }

    /** Says whose it is; the context stays unsaid. */
    @Override
    public String toString() {
        return "Metadata[tenantId=" + tenantId + "]";
    }

    /** @throws RequestInvalidException for a text that UTF-8 cannot hold */
    RequestMetadata toWire(Metadata defaults) {
        RequestMetadata.Builder wire = RequestMetadata.newBuilder();
        set(wire::setRequesterId, requesterId, defaults.requesterId, "requesterId");
        set(wire::setDataLabel, dataLabel, defaults.dataLabel, "dataLabel");
        set(wire::setPurpose, purpose, defaults.purpose, "purpose");
        set(wire::setRequestId, requestId, defaults.requestId, "requestId");
        set(wire::setSourceIp, sourceIp, defaults.sourceIp, "sourceIp");
        set(wire::setObjectId, objectId, defaults.objectId, "objectId");
        set(wire::setSubjectId, subjectId, defaults.subjectId, "subjectId");
        wire.putAllAttributes(Texts.pairs(defaults.attributes, "an attribute"));
        wire.putAllAttributes(Texts.pairs(attributes, "an attribute"));
        return wire.build();
    }

    private static void set(Consumer<String> wire, String own, String byDefault, String name) {
        String text = own == null ? byDefault : own;
        if (text != null) wire.accept(Texts.checked(text, name));
    }

    /** Makes metadata. No text is null but where it is not said. */
    public static final class Builder {
        private final String tenantId;
        private String requesterId;
        private String dataLabel;
        private String purpose;
        private String requestId;
        private String sourceIp;
        private String objectId;
        private String subjectId;
        private final Map<String, String> attributes = new LinkedHashMap<>();
        private final Map<String, String> context = new LinkedHashMap<>();
        private boolean hasContext;

        private Builder(String tenantId) {
            this.tenantId = tenantId;
        }

        private Builder(Metadata from) {
            tenantId = from.tenantId;
            requesterId = from.requesterId;
            dataLabel = from.dataLabel;
            purpose = from.purpose;
            requestId = from.requestId;
            sourceIp = from.sourceIp;
            objectId = from.objectId;
            subjectId = from.subjectId;
            attributes.putAll(from.attributes);
            context.putAll(from.context);
            hasContext = from.hasContext;
        }

        /**
         * The person or service that asks.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder requesterId(String text) {
            requesterId = text;
            return this;
        }

        /**
         * Classification of the data, such as {@code pii}; stored with the document when encrypting.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder dataLabel(String text) {
            dataLabel = text;
            return this;
        }

        /**
         * Why the data is used; a tenant's policy may allow certain purposes only.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder purpose(String text) {
            purpose = text;
            return this;
        }

        /**
         * An id to find this request again in the daemon's log.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder requestId(String text) {
            requestId = text;
            return this;
        }

        /**
         * The address from which the requester came.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder sourceIp(String text) {
            sourceIp = text;
            return this;
        }

        /**
         * The application's id of the document.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder objectId(String text) {
            objectId = text;
            return this;
        }

        /**
         * The person whom the data is about.
         *
         * @param text at most 1,024 bytes, recorded in clear
         * @return this
         */
        public Builder subjectId(String text) {
            subjectId = text;
            return this;
        }

        /**
         * A further fact to record: at most 32, 8 KiB in all.
         *
         * @param name the fact's
         * @param text what it is
         * @return this
         */
        public Builder attribute(String name, String text) {
            attributes.put(name, text);
            return this;
        }

        /**
         * Binds a pair to the ciphertext; it is not stored. To decrypt or rewrap, give the same pairs again. At most 64 pairs, 8 KiB in
         * all.
         *
         * @param name the pair's
         * @param text what it is
         * @return this
         */
        public Builder context(String name, String text) {
            context.put(name, text);
            hasContext = true;
            return this;
        }

        /**
         * As {@link #context(String, String)}, in place of all pairs that were given before.
         *
         * @param pairs copied
         * @return this
         */
        public Builder context(Map<String, String> pairs) {
            context.clear();
            context.putAll(pairs);
            hasContext = true;
            return this;
        }

        /**
         * The metadata; the builder may go on.
         *
         * @return of all that was said so far
         */
        public Metadata build() {
            return new Metadata(this);
        }
    }
}
