package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// A set of Unicode scalar values as sorted ranges with gaps between them. Surrogates are in none.
record CodePoints(List<Range> ranges) {
  /// Both ends belong to it.
  record Range(int from, int to) {}

  static final CodePoints ALL =
      new CodePoints(List.of(new Range(0, 0xd7ff), new Range(0xe000, Character.MAX_CODE_POINT)));

  static CodePoints of(int... values) {
    List<Range> ranges = new ArrayList<>();
    for (int value : values) ranges.add(new Range(value, value));
    return union(ranges);
  }

  static CodePoints range(int from, int to) {
    return new CodePoints(List.of(new Range(from, to)));
  }

  private static CodePoints union(List<Range> parts) {
    List<Range> sorted = new ArrayList<>(parts);
    sorted.sort(Comparator.comparingInt(Range::from));
    List<Range> merged = new ArrayList<>();
    for (Range range : sorted) {
      Range last = merged.isEmpty() ? null : merged.getLast();
      if (last != null && range.from() <= last.to() + 1)
        merged.set(merged.size() - 1, new Range(last.from(), Math.max(last.to(), range.to())));
      else merged.add(range);
    }
    return new CodePoints(List.copyOf(merged));
  }

  CodePoints or(CodePoints other) {
    List<Range> all = new ArrayList<>(ranges);
    all.addAll(other.ranges);
    return union(all);
  }

  CodePoints minus(CodePoints other) {
    List<Range> left = new ArrayList<>();
    for (Range range : ranges) {
      int from = range.from();
      for (Range hole : other.ranges) {
        if (hole.to() < from || hole.from() > range.to()) continue;
        if (hole.from() > from) left.add(new Range(from, hole.from() - 1));
        from = hole.to() + 1;
      }
      if (from <= range.to()) left.add(new Range(from, range.to()));
    }
    return new CodePoints(List.copyOf(left));
  }

  CodePoints and(CodePoints other) {
    return minus(ALL.minus(other));
  }

  boolean isEmpty() {
    return ranges.isEmpty();
  }

  boolean contains(int value) {
    return ranges.stream().anyMatch(range -> range.from() <= value && value <= range.to());
  }
}
