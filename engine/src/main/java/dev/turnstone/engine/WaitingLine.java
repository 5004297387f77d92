package dev.turnstone.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/// Sequences that wait to run: first those whose conversation has its blocks kept, then all others,
/// each in order of arrival. Confined to the engine thread.
final class WaitingLine {
  private final ArrayDeque<Sequence> returning = new ArrayDeque<>();
  private final ArrayDeque<Sequence> others = new ArrayDeque<>();

  void add(Sequence sequence, boolean returns) {
    (returns ? returning : others).add(sequence);
  }

  /// Puts a sequence that ran already before all that have not, but for those that return.
  void addFirst(Sequence sequence) {
    others.addFirst(sequence);
  }

  /// Nothing is kept any more: those that return wait like others, before them.
  void forgetKept() {
    while (!returning.isEmpty()) others.addFirst(returning.removeLast());
  }

  boolean isEmpty() {
    return returning.isEmpty() && others.isEmpty();
  }

  int size() {
    return returning.size() + others.size();
  }

  /// Who is next.
  Sequence next() {
    return (returning.isEmpty() ? others : returning).element();
  }

  void remove(Sequence sequence) {
    if (!returning.remove(sequence)) others.remove(sequence);
  }

  List<Sequence> all() {
    var all = new ArrayList<>(returning);
    all.addAll(others);
    return all;
  }
}
