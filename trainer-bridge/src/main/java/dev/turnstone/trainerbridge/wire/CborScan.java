package dev.turnstone.trainerbridge.wire;

import java.nio.charset.StandardCharsets;

/// Finds its way through CBOR of our own making without reading it: definite lengths only.
final class CborScan {
  private static final int BYTES = 2;
  private static final int TEXT = 3;
  private static final int LIST = 4;
  private static final int MAP = 5;
  private static final int TAG = 6;

  private final byte[] bytes;
  private int at;

  CborScan(byte[] bytes) {
    this.bytes = bytes;
  }

  int at() {
    return at;
  }

  /// Enters a map and says how many entries it has.
  int map() {
    return length(MAP);
  }

  /// Enters a list and says how many items it has.
  int list() {
    return length(LIST);
  }

  String text() {
    int length = length(TEXT);
    String text = new String(bytes, at, length, StandardCharsets.UTF_8);
    at += length;
    return text;
  }

  /// Passes over a typed array.
  ///
  /// @return its length in bytes; it ends where the scan is now
  int typed() {
    length(TAG);
    int length = length(BYTES);
    at += length;
    return length;
  }

  /// Passes over one item of any kind.
  void skip() {
    int major = bytes[at] >> 5 & 7;
    int count = head();
    switch (major) {
      case BYTES, TEXT -> at += count;
      case LIST -> skip(count);
      case MAP -> skip(2 * count);
      case TAG -> skip();
      default -> {
        // A number or a simple value, which ends with its head.
      }
    }
  }

  private void skip(int items) {
    for (int i = 0; i < items; i++) skip();
  }

  private int length(int major) {
    if ((bytes[at] >> 5 & 7) != major)
      throw new IllegalArgumentException(
          "CBOR of kind %d at byte %d, not %d".formatted(bytes[at] >> 5 & 7, at, major));
    return head();
  }

  /// The argument of an item's head; of a number only its low bits, which nobody asks for.
  private int head() {
    int info = bytes[at++] & 31;
    if (info < 24) return info;
    int size = 1 << (info - 24);
    int value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | (bytes[at++] & 0xff);
    return value;
  }

  /// Bytes that a head takes.
  static int headSize(int argument) {
    if (argument < 24) return 1;
    if (argument < 1 << 8) return 2;
    return argument < 1 << 16 ? 3 : 5;
  }

  /// Writes the head of a map.
  ///
  /// @return where it ends
  static int putMap(byte[] out, int at, int entries) {
    return putHead(out, at, MAP, entries);
  }

  /// Writes the head of a list.
  ///
  /// @return where it ends
  static int putList(byte[] out, int at, int items) {
    return putHead(out, at, LIST, items);
  }

  /// Writes a number from 0.
  ///
  /// @return where it ends
  static int putNumber(byte[] out, int at, int value) {
    return putHead(out, at, 0, value);
  }

  private static int putHead(byte[] out, int at, int major, int argument) {
    int size = headSize(argument) - 1;
    int info = size == 0 ? argument : 23 + (size == 4 ? 3 : size);
    out[at] = (byte) (major << 5 | info);
    for (int i = 0; i < size; i++) out[at + 1 + i] = (byte) (argument >>> (8 * (size - 1 - i)));
    return at + 1 + size;
  }

  /// Writes a short text, as the names of fields are.
  ///
  /// @return where it ends
  static int putText(byte[] out, int at, byte[] text) {
    int from = putHead(out, at, TEXT, text.length);
    System.arraycopy(text, 0, out, from, text.length);
    return from + text.length;
  }
}
