package dev.turnstone.engine.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Sets of code points as the bytes that encode them.
final class Utf8 {
  private static final int[] LAST_OF_LENGTH = {0x7f, 0x7ff, 0xffff, 0x10ffff};

  private Utf8() {}

  static Part of(CodePoints points) {
    List<Part> ways = new ArrayList<>();
    ByteSet ascii = ByteSet.NONE;
    for (CodePoints.Range range : points.ranges()) {
      int from = range.from();
      for (int last : LAST_OF_LENGTH) {
        int to = Math.min(range.to(), last);
        if (to < from) continue;
        if (last == 0x7f) ascii = ascii.or(ByteSet.range(from, to));
        else ways.add(ByteRanges.between(bytes(from), bytes(to), 0x80, 0xbf));
        from = to + 1;
      }
    }
    if (!ascii.equals(ByteSet.NONE)) ways.add(Part.bytes(ascii));
    return ways.isEmpty() ? Part.IMPOSSIBLE : Part.oneOf(ways);
  }

  private static int[] bytes(int point) {
    byte[] bytes = Character.toString(point).getBytes(StandardCharsets.UTF_8);
    int[] values = new int[bytes.length];
    for (int i = 0; i < bytes.length; i++) values[i] = Byte.toUnsignedInt(bytes[i]);
    return values;
  }
}
