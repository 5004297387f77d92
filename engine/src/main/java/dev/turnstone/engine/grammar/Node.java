package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// A place in a grammar's graph, compared by identity.
sealed interface Node {
  /// The end of a rule, or of the whole text.
  Node END = new End();

  final class End implements Node {
    private End() {}
  }

  /// One byte out of a set leads to `next`.
  final class Bytes implements Node {
    final ByteSet set;
    final Node next;

    Bytes(ByteSet set, Node next) {
      this.set = set;
      this.next = next;
    }
  }

  /// Several ways to go on, none of which costs a byte. Ways may be added while a graph is built,
  /// so that loops can be made.
  final class Split implements Node {
    final List<Node> ways = new ArrayList<>();

    Split(List<Node> ways) {
      this.ways.addAll(ways);
    }
  }

  /// The whole of a rule leads to `next`.
  final class Call implements Node {
    final Rule rule;
    final Node next;

    Call(Rule rule, Node next) {
      this.rule = rule;
      this.next = next;
    }
  }

  /// What is built only when an automaton arrives there, such as the 5,000th character of a string.
  /// Confined like its grammar.
  final class Later implements Node {
    private final Supplier<Node> source;
    private Node built = END;
    private boolean known;

    Later(Supplier<Node> source) {
      this.source = source;
    }

    Node get() {
      if (!known) {
        built = source.get();
        known = true;
      }
      return built;
    }
  }
}
