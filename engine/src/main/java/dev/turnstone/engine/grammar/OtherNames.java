package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/// Every name but some, in quotes, without escapes that are not needed: those could spell one of
/// the excluded names in another way.
final class OtherNames {
  private static final Part ANY = JsonText.written(CodePoints.ALL);

  private final Branch root = new Branch();

  private static final class Branch {
    private final TreeMap<Integer, Branch> branches = new TreeMap<>();
    private boolean excluded;
  }

  OtherNames(List<String> excluded) {
    for (String name : excluded) {
      Branch at = root;
      for (int point : name.codePoints().toArray())
        at = at.branches.computeIfAbsent(point, _ -> new Branch());
      at.excluded = true;
    }
  }

  Part part() {
    return JsonText.quoted(from(root));
  }

  private static Part from(Branch at) {
    List<Part> ways = new ArrayList<>();
    if (!at.excluded) ways.add(Part.NOTHING);
    int[] points = at.branches.keySet().stream().mapToInt(Integer::intValue).toArray();
    ways.add(
        Part.sequence(
            JsonText.written(CodePoints.ALL.minus(CodePoints.of(points))), Part.anyNumberOf(ANY)));
    at.branches.forEach((point, below) ->
        ways.add(Part.sequence(JsonText.written(CodePoints.of(point)), from(below))));
    return Part.oneOf(ways);
  }
}
