package dev.turnstone.engine;

import java.util.List;
import java.util.Optional;

/// The block after a waiting sequence's full ones, as far as a running sequence has the same tokens
/// in it: the last part of a group's prompt, which fills no block.
///
/// @param block of the running sequence
/// @param computed tokens of it that are in the cache
/// @param soon tokens of it that are there after the step that is being put together
record SharedTail(int block, int computed, int soon) {
  /// The longest there is, or will be after the step.
  ///
  /// @param sequence with its full blocks
  /// @param root the chain's number before the first block
  static Optional<SharedTail> find(Sequence sequence, long root, List<Sequence> running) {
    int index = sequence.blocks.size();
    long parent = index == 0 ? root : sequence.chains.getLast();
    Optional<SharedTail> longest = Optional.empty();
    for (Sequence other : running) {
      if (other.staleKv || other.blocks.size() <= index || other.chains.size() < index) continue;
      if (!other.salt().equals(sequence.salt())) continue;
      if (index > 0 && other.chains.get(index - 1) != parent) continue;
      SharedTail tail = of(sequence, other, index);
      if (tail.soon > longest.map(SharedTail::soon).orElse(0)) longest = Optional.of(tail);
    }
    return longest;
  }

  private static SharedTail of(Sequence sequence, Sequence other, int index) {
    int first = index * Model.BLOCK;
    int most = Math.min(Model.BLOCK, sequence.length() - 1 - first);
    int known = Math.min(most, other.computed + other.scheduled - first);
    int same = 0;
    while (same < known && sequence.token(first + same) == other.token(first + same)) same++;
    return new SharedTail(
        other.blocks.get(index), Math.clamp(other.computed - first, 0, same), same);
  }

  /// Whether a running sequence is about to compute more of it.
  boolean grows() {
    return soon > computed;
  }
}
