package dev.turnstone.engine.grammar;

import java.nio.charset.StandardCharsets;
import java.util.List;

/// Any text up to the first appearance of a marker, and the marker: the automaton of Knuth, Morris
/// and Pratt over the marker's bytes. What is before the marker may be any bytes.
final class UntilText {
  /// This byte begins what is no text.
  private static final int NO_TEXT = 0xff;

  private UntilText() {}

  static Part of(String marker) {
    byte[] bytes = marker.getBytes(StandardCharsets.UTF_8);
    return next -> {
      Node.Split[] after = new Node.Split[bytes.length];
      for (int i = 0; i < bytes.length; i++) after[i] = new Node.Split(List.of());
      for (int matched = 0; matched < bytes.length; matched++)
        for (int value = 0; value < NO_TEXT; value++) {
          int longer = matched(bytes, matched, (byte) value);
          Node to = longer == bytes.length ? next : after[longer];
          after[matched].ways.add(new Node.Bytes(ByteSet.of(value), to));
        }
      return after[0];
    };
  }

  /// How much of the marker ends a text that ended with `matched` bytes of it, after one byte more.
  private static int matched(byte[] marker, int matched, byte value) {
    for (int length = matched + 1; length > 0; length--) {
      if (marker[length - 1] != value) continue;
      boolean same = true;
      for (int i = 0; same && i < length - 1; i++)
        same = marker[i] == marker[matched - (length - 1) + i];
      if (same) return length;
    }
    return 0;
  }
}
