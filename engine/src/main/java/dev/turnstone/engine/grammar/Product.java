package dev.turnstone.engine.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Texts of one form that are also, or are not, of another: two automata that read the same bytes.
/// Built as far as a text goes.
final class Product {
  private final boolean also;
  private final Node next;
  private static final int MOST_PAIRS = 50_000;

  private final Map<Pair, Boolean> ends = new HashMap<>();
  private final Map<Pair, Node> built = new HashMap<>();

  private record Pair(Grammar.State first, Grammar.State second) {}

  private Product(boolean also, Node next) {
    this.also = also;
    this.next = next;
  }

  /// What both parts are; both must write a character in the same way.
  static Part both(Part first, Part second) {
    return of(first, second, true);
  }

  /// What the first part is and the second is not.
  static Part without(Part first, Part second) {
    return of(first, second, false);
  }

  private static Part of(Part first, Part second, boolean also) {
    Grammar one = new Grammar(first);
    Grammar other = new Grammar(second);
    Pair start = new Pair(one.start(), other.start());
    if (!new Product(also, Node.END).ends(start)) return Part.IMPOSSIBLE;
    return next -> new Product(also, next).at(start);
  }

  private Node at(Pair pair) {
    return built.computeIfAbsent(pair, p -> new Node.Later(() -> build(p)));
  }

  private Node build(Pair pair) {
    List<Node> nodes = new ArrayList<>();
    if (accepts(pair)) nodes.add(next);
    ways(pair)
        .forEach((to, set) -> {
          if (ends(to)) nodes.add(new Node.Bytes(set, at(to)));
        });
    return new Node.Split(nodes);
  }

  private boolean accepts(Pair pair) {
    return pair.first().accepting() && pair.second().accepting() == also;
  }

  private Map<Pair, ByteSet> ways(Pair pair) {
    Map<Pair, ByteSet> ways = new LinkedHashMap<>();
    for (int value = 0; value < 256; value++) {
      Grammar.State one = pair.first().after(value);
      if (one.dead() && !one.accepting()) continue;
      Grammar.State other = pair.second().after(value);
      if (also && other.dead() && !other.accepting()) continue;
      ways.merge(new Pair(one, other), ByteSet.of(value), ByteSet::or);
    }
    return ways;
  }

  /// Whether some text leads from here to an end: what does not is never begun.
  private boolean ends(Pair from) {
    Boolean known = ends.get(from);
    if (known != null) return known;
    Map<Pair, Pair> cameFrom = new HashMap<>();
    Deque<Pair> open = new ArrayDeque<>(List.of(from));
    cameFrom.put(from, from);
    while (!open.isEmpty()) {
      Pair pair = open.removeLast();
      if (accepts(pair) || Boolean.TRUE.equals(ends.get(pair))) {
        for (Pair at = pair; !at.equals(from); at = Objects.requireNonNull(cameFrom.get(at)))
          ends.put(at, true);
        ends.put(from, true);
        return true;
      }
      if (cameFrom.size() > MOST_PAIRS)
        throw new IllegalArgumentException(
            "the schema combines patterns, lengths or numbers in too many ways");
      for (Pair to : ways(pair).keySet())
        if (!Boolean.FALSE.equals(ends.get(to)) && cameFrom.putIfAbsent(to, pair) == null)
          open.addLast(to);
    }
    cameFrom.keySet().forEach(pair -> ends.put(pair, false));
    return false;
  }
}
