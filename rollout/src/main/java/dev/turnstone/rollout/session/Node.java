package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/// One turn in the tree of a session: what was read since the turn before it, and what was sampled.
///
/// Guarded by its session's lock.
final class Node {
  final int number;

  /// The conversation that it is a turn of.
  final int row;

  final Optional<Node> parent;
  final Match match;
  final Tokens observed;
  final Generation generation;
  final Sampling sampling;
  final Digest tools;
  final Told heard;
  final Message.Assistant said;

  /// Ids from the beginning to the end of this turn.
  final int length;

  /// Calls that go on from here, accepted or running.
  int continuations;

  /// Whether an accepted turn goes on from here.
  boolean inner;

  /// Whether no client has seen it.
  boolean discarded;

  Node(
      int number,
      Continuation begun,
      Told heard,
      Generation generation,
      Sampling sampling,
      Message.Assistant said) {
    this.number = number;
    this.row = begun.row();
    this.parent = begun.parent;
    this.match = begun.match();
    this.observed = begun.observed;
    this.generation = generation;
    this.sampling = sampling;
    this.tools = begun.tools;
    this.heard = heard;
    this.said = said;
    this.length =
        parent.map(node -> node.length).orElse(0) + observed.size() + generation.ids().size();
  }

  /// The turns from the first to this one.
  Deque<Node> path() {
    Deque<Node> path = new ArrayDeque<>();
    for (Optional<Node> at = Optional.of(this); at.isPresent(); at = at.get().parent)
      path.addFirst(at.get());
    return path;
  }

  /// All ids to the end of this turn.
  Tokens held() {
    int[] ids = new int[length];
    for (Optional<Node> at = Optional.of(this); at.isPresent(); at = at.get().parent) {
      Node node = at.get();
      Tokens sampled = node.generation.ids();
      int from = node.length - sampled.size();
      sampled.copyTo(ids, from);
      node.observed.copyTo(ids, from - node.observed.size());
    }
    return Tokens.owned(ids);
  }
}
