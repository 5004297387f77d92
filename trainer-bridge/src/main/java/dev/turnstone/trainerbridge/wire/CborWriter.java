package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.POJONode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/// Writes a tree as CBOR of definite lengths, which is all that readers of the feed need to know;
/// Jackson's writer cuts long texts into chunks.
final class CborWriter {
  private static final int NUMBER = 0;
  private static final int NEGATIVE = 1;
  private static final int BYTES = 2;
  private static final int TEXT = 3;
  private static final int LIST = 4;
  private static final int MAP = 5;
  private static final int TAG = 6;
  private static final int FALSE = 0xf4;
  private static final int TRUE = 0xf5;
  private static final int NULL = 0xf6;
  private static final int DOUBLE = 0xfb;
  private static final int LONGEST_HEAD = 9;

  private byte[] out;
  private int size;

  /// @param expected bytes; more are made room for
  CborWriter(int expected) {
    out = new byte[expected];
  }

  byte[] bytes() {
    return size == out.length ? out : Arrays.copyOf(out, size);
  }

  /// What a tree takes at least, near enough to make room once.
  static int estimate(JsonNode node) {
    return switch (node) {
      case ObjectNode object -> {
        int sum = LONGEST_HEAD;
        for (Map.Entry<String, JsonNode> field : object.properties())
          sum += field.getKey().length() + 2 + estimate(field.getValue());
        yield sum;
      }
      case ArrayNode list -> {
        int sum = LONGEST_HEAD;
        for (JsonNode item : list) sum += estimate(item);
        yield sum;
      }
      case BinaryNode bytes -> bytes.binaryValue().length + LONGEST_HEAD;
      case POJONode typed when typed.getPojo() instanceof int[] ints ->
          4 * ints.length + LONGEST_HEAD;
      case POJONode typed when typed.getPojo() instanceof float[] floats ->
          4 * floats.length + LONGEST_HEAD;
      default -> node.isTextual() ? node.textValue().length() + LONGEST_HEAD : LONGEST_HEAD;
    };
  }

  void write(JsonNode node) {
    switch (node) {
      case ObjectNode object -> {
        head(MAP, object.size());
        for (Map.Entry<String, JsonNode> field : object.properties()) {
          text(field.getKey());
          write(field.getValue());
        }
      }
      case ArrayNode list -> {
        head(LIST, list.size());
        for (JsonNode item : list) write(item);
      }
      case BinaryNode bytes -> {
        head(TAG, TypedCbor.U8);
        bytes(bytes.binaryValue());
      }
      case POJONode typed when typed.getPojo() instanceof int[] ints -> {
        head(TAG, TypedCbor.I32_LE);
        words(ints.length).asIntBuffer().put(ints);
      }
      case POJONode typed when typed.getPojo() instanceof float[] floats -> {
        head(TAG, TypedCbor.F32_LE);
        words(floats.length).asFloatBuffer().put(floats);
      }
      default -> scalar(node);
    }
  }

  private void scalar(JsonNode node) {
    switch (node.getNodeType()) {
      case STRING -> text(node.textValue());
      case BOOLEAN -> one(node.booleanValue() ? TRUE : FALSE);
      case NULL -> one(NULL);
      case NUMBER -> {
        if (node.isIntegralNumber() && node.canConvertToLong()) whole(node.longValue());
        else real(node.doubleValue());
      }
      default -> throw new IllegalArgumentException("no CBOR for " + node.getNodeType());
    }
  }

  private void whole(long value) {
    if (value < 0) head(NEGATIVE, -1 - value);
    else head(NUMBER, value);
  }

  private void real(double value) {
    one(DOUBLE);
    big(Double.doubleToLongBits(value), Long.BYTES);
  }

  private void text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    head(TEXT, utf8.length);
    put(utf8);
  }

  private void bytes(byte[] bytes) {
    head(BYTES, bytes.length);
    put(bytes);
  }

  /// Room for so many little-endian words of four bytes, as a byte string.
  private ByteBuffer words(int count) {
    head(BYTES, 4L * count);
    room(4 * count);
    ByteBuffer words = ByteBuffer.wrap(out, size, 4 * count).slice().order(ByteOrder.LITTLE_ENDIAN);
    size += 4 * count;
    return words;
  }

  private void head(int major, long argument) {
    if (argument < 24) {
      one(major << 5 | (int) argument);
      return;
    }
    int size = argument < 1L << 8 ? 1 : argument < 1L << 16 ? 2 : argument < 1L << 32 ? 4 : 8;
    one(major << 5 | (24 + Integer.numberOfTrailingZeros(size)));
    big(argument, size);
  }

  private void big(long value, int bytes) {
    room(bytes);
    for (int i = bytes - 1; i >= 0; i--) out[size++] = (byte) (value >>> (8 * i));
  }

  private void one(int value) {
    room(1);
    out[size++] = (byte) value;
  }

  private void put(byte[] bytes) {
    room(bytes.length);
    System.arraycopy(bytes, 0, out, size, bytes.length);
    size += bytes.length;
  }

  private void room(int bytes) {
    if (out.length - size < bytes)
      out = Arrays.copyOf(out, Math.max(size + bytes, Math.addExact(out.length, out.length / 2)));
  }
}
