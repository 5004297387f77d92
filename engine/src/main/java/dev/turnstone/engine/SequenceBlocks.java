package dev.turnstone.engine;

import java.util.List;
import java.util.OptionalInt;

/// The blocks of a sequence: found under its tokens, added as it grows, published when they are
/// full, given back. Confined to the engine thread.
final class SequenceBlocks {
  private final BlockPool pool;

  SequenceBlocks(BlockPool pool) {
    this.pool = pool;
  }

  /// Blocks that a sequence lacks for its next `count` tokens.
  static int missing(Sequence sequence, int count) {
    return Math.ceilDiv(sequence.computed + count, Model.BLOCK) - sequence.blocks.size();
  }

  /// Takes over the full blocks that others have computed of its tokens. The last token is always
  /// computed: its logits are needed.
  void lookUp(Sequence sequence) {
    long chain = pool.root();
    int usable = sequence.scoring() ? 0 : (sequence.length() - 1) / Model.BLOCK;
    for (int index = 0; index < usable; index++) {
      OptionalInt block = pool.acquireCached(key(chain, sequence, index));
      if (block.isEmpty()) break;
      sequence.blocks.add(block.getAsInt());
      chain = pool.unique(block.getAsInt());
      sequence.chains.add(chain);
    }
    sequence.computed = sequence.blocks.size() * Model.BLOCK;
  }

  /// Finds blocks for the next `count` tokens and schedules them; on failure nothing has changed.
  boolean reserve(Sequence sequence, int count) {
    int needed = missing(sequence, count);
    if (needed > pool.free()) return false;
    for (int i = 0; i < needed; i++) sequence.blocks.add(pool.allocate().orElseThrow());
    sequence.scheduled = count;
    if (!sequence.staleKv) publishFull(sequence, sequence.computed + count);
    return true;
  }

  private void publishFull(Sequence sequence, int end) {
    List<Long> chains = sequence.chains;
    while ((chains.size() + 1) * Model.BLOCK <= end) {
      int index = chains.size();
      long parent = index == 0 ? pool.root() : chains.getLast();
      chains.add(pool.publish(sequence.blocks.get(index), key(parent, sequence, index)));
    }
  }

  private static BlockPool.Key key(long parent, Sequence sequence, int index) {
    String salt = index == 0 ? sequence.salt() : "";
    return new BlockPool.Key(parent, salt, sequence.block(index));
  }

  /// Gives its blocks back, the last first, so that the first ones, which others may share, stay
  /// longest.
  void release(Sequence sequence) {
    for (Integer block : sequence.blocks.reversed()) pool.release(block);
    emptied(sequence);
  }

  /// The same, and forgets what is in those that nobody else holds.
  void drop(Sequence sequence) {
    for (Integer block : sequence.blocks.reversed()) pool.drop(block);
    emptied(sequence);
  }

  private static void emptied(Sequence sequence) {
    sequence.blocks.clear();
    sequence.chains.clear();
    sequence.computed = 0;
    sequence.scheduled = 0;
  }
}
