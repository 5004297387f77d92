package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// JSON arrays: the first items each of their own kind, the rest of one.
final class ArrayText {
  private ArrayText() {}

  /// @param rest empty: no items but the first ones
  static Part of(List<Part> first, Optional<Part> rest, int min, int max) {
    Part open = Part.sequence(Part.literal("["), JsonText.GAP);
    Part close = Part.sequence(JsonText.GAP, Part.literal("]"));
    Part one = rest.map(Rule::of).map(rule -> (Part) rule).orElse(Part.IMPOSSIBLE);
    List<Part> ways = new ArrayList<>();
    // With as many of the first items as there are before the end.
    for (int count = 0; count <= Math.min(first.size(), max); count++) {
      boolean all = count == first.size();
      int least = Math.max(0, min - count);
      if (!all && least > 0) continue;
      List<Part> parts = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        if (i > 0) parts.add(JsonText.COMMA);
        parts.add(first.get(i));
      }
      if (all) parts.add(more(one, least, max == Integer.MAX_VALUE ? max : max - count, count > 0));
      ways.add(Part.sequence(parts));
    }
    // Rules are made when they are called first, so that items may be arrays like this one.
    return Part.sequence(open, Part.oneOf(ways), close);
  }

  private static Part more(Part item, int min, int max, boolean follows) {
    if (max == 0) return Part.NOTHING;
    Part next = Part.sequence(JsonText.COMMA, item);
    if (follows) return Part.repeated(next, min, max);
    Part some =
        Part.sequence(
            item,
            Part.repeated(next, Math.max(0, min - 1), max == Integer.MAX_VALUE ? max : max - 1));
    return min == 0 ? Part.optional(some) : some;
  }
}
