package dev.keyside.client;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Texts and bytes at the door. Half a surrogate pair has no UTF-8: what is sent in its place would be another text. */
final class Texts {
    private Texts() {}

    /** The text, where UTF-8 can hold it. */
    static String checked(String text, String what) {
        if (text == null) throw Errors.invalid(what + " is null");
        for (int at = 0; at < text.length(); at++) {
            char unit = text.charAt(at);
            if (!Character.isSurrogate(unit)) continue;
            boolean isPair = Character.isHighSurrogate(unit)
                    && at + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(at + 1));
            if (!isPair) throw Errors.invalid(what + " is not well-formed Unicode");
            at++;
        }
        return text;
    }

    static Map<String, String> pairs(Map<String, String> pairs, String what) {
        pairs.forEach((name, text) -> {
            checked(name, "the name of " + what);
            checked(text, "a value of " + what);
        });
        return pairs;
    }

    /** Copies: what is sent is what the arrays hold now, whatever becomes of them while the call is under way. */
    static Map<String, ByteString> toWire(Map<String, byte[]> fields) {
        Map<String, ByteString> wire = new LinkedHashMap<>();
        fields.forEach((name, bytes) -> wire.put(checked(name, "the name of a field"), bytes(bytes, "a field")));
        return wire;
    }

    static Map<String, byte[]> fromWire(Map<String, ByteString> wire) {
        Map<String, byte[]> fields = new LinkedHashMap<>();
        wire.forEach((name, bytes) -> fields.put(name, bytes.toByteArray()));
        return fields;
    }

    static ByteString bytes(byte[] bytes, String what) {
        if (bytes == null) throw Errors.invalid(what + " is null");
        return ByteString.copyFrom(bytes);
    }

    static byte[] utf8(String text) {
        return checked(text, "the text of a field").getBytes(StandardCharsets.UTF_8);
    }

    /** The text of bytes that are UTF-8. */
    static String text(byte[] bytes) throws CharacterCodingException {
        CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
        return text.toString();
    }
}
