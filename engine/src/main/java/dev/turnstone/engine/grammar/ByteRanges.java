package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.List;

/// Byte strings of one length between two others, where every byte after the first may be any from
/// `least` to `most`: digits of numbers, or the bytes of code points.
final class ByteRanges {
  private final int least;
  private final int most;
  private final List<Part> ways = new ArrayList<>();

  private ByteRanges(int least, int most) {
    this.least = least;
    this.most = most;
  }

  /// Both ends belong to it.
  static Part between(int[] from, int[] to, int least, int most) {
    ByteRanges ranges = new ByteRanges(least, most);
    ranges.add(from, to, 0, List.of());
    return Part.oneOf(ranges.ways);
  }

  /// Adds what lies between two strings that are equal before position `at`.
  private void add(int[] from, int[] to, int at, List<Part> prefix) {
    if (at == from.length - 1) {
      ways.add(Part.sequence(join(prefix, ByteSet.range(from[at], to[at]))));
      return;
    }
    if (from[at] == to[at]) {
      add(from, to, at + 1, join(prefix, ByteSet.of(from[at])));
      return;
    }
    boolean partFirst = !all(from, at, least);
    boolean partLast = !all(to, at, most);
    if (partFirst) add(from, tail(from, at, most), at + 1, join(prefix, ByteSet.of(from[at])));
    int low = partFirst ? from[at] + 1 : from[at];
    int high = partLast ? to[at] - 1 : to[at];
    if (low <= high)
      add(
          tail(from, at, least),
          tail(to, at, most),
          at + 1,
          join(prefix, ByteSet.range(low, high)));
    if (partLast) add(tail(to, at, least), to, at + 1, join(prefix, ByteSet.of(to[at])));
  }

  private static List<Part> join(List<Part> prefix, ByteSet set) {
    List<Part> joined = new ArrayList<>(prefix);
    joined.add(Part.bytes(set));
    return joined;
  }

  private static boolean all(int[] bytes, int at, int value) {
    for (int i = at + 1; i < bytes.length; i++) if (bytes[i] != value) return false;
    return true;
  }

  private static int[] tail(int[] bytes, int at, int value) {
    int[] changed = bytes.clone();
    for (int i = at + 1; i < bytes.length; i++) changed[i] = value;
    return changed;
  }
}
