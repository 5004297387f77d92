package dev.turnstone.engine.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A piece of text that a grammar describes, given what follows it.
@FunctionalInterface
interface Part {
  Part NOTHING = next -> next;

  /// No text at all, not even the empty one.
  Part IMPOSSIBLE = _ -> new Node.Split(List.of());

  Node then(Node next);

  static Part literal(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return next -> {
      Node node = next;
      for (int i = bytes.length - 1; i >= 0; i--)
        node = new Node.Bytes(ByteSet.of(Byte.toUnsignedInt(bytes[i])), node);
      return node;
    };
  }

  static Part bytes(ByteSet set) {
    return next -> new Node.Bytes(set, next);
  }

  static Part sequence(Part... parts) {
    return sequence(List.of(parts));
  }

  static Part sequence(List<? extends Part> parts) {
    if (parts.contains(IMPOSSIBLE)) return IMPOSSIBLE;
    return next -> {
      Node node = next;
      for (Part part : parts.reversed()) node = part.then(node);
      return node;
    };
  }

  static Part oneOf(Part... parts) {
    return oneOf(List.of(parts));
  }

  static Part oneOf(List<? extends Part> parts) {
    List<? extends Part> possible =
        parts.stream().filter(part -> !part.equals(IMPOSSIBLE)).toList();
    if (possible.isEmpty()) return IMPOSSIBLE;
    if (possible.size() == 1) return possible.getFirst();
    return next -> new Node.Split(possible.stream().map(part -> part.then(next)).toList());
  }

  static Part optional(Part part) {
    return oneOf(part, NOTHING);
  }

  static Part anyNumberOf(Part part) {
    if (part.equals(IMPOSSIBLE)) return NOTHING;
    return next -> {
      Node.Split loop = new Node.Split(List.of(next));
      loop.ways.add(part.then(loop));
      return loop;
    };
  }

  /// Between `min` and `max` times; built as far as a text goes.
  static Part repeated(Part part, int min, int max) {
    if (max == Integer.MAX_VALUE && min <= 1)
      return min == 0 ? anyNumberOf(part) : sequence(part, anyNumberOf(part));
    if (part.equals(IMPOSSIBLE)) return min == 0 ? NOTHING : IMPOSSIBLE;
    Rule rule = Rule.of(part);
    return next -> new Times(rule, min, max, next).from(0);
  }

  /// The graph of a bounded repetition.
  final class Times {
    private final Part part;
    private final int min;
    private final int max;
    private final Node next;
    private final Map<Integer, Node> built = new HashMap<>();

    Times(Part part, int min, int max, Node next) {
      this.part = part;
      this.min = min;
      this.max = max;
      this.next = next;
    }

    Node from(int count) {
      int same = max == Integer.MAX_VALUE ? Math.min(count, min) : count;
      return built.computeIfAbsent(same, at -> new Node.Later(() -> build(at)));
    }

    private Node build(int count) {
      List<Node> ways = new ArrayList<>();
      if (count >= min) ways.add(next);
      if (count < max) ways.add(part.then(from(count + 1)));
      return new Node.Split(ways);
    }
  }
}
