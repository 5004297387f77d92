package dev.turnstone.engine.lanes;

import dev.turnstone.engine.StepBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// The attention of a step cut into pieces that lanes claim one after the other, layer by layer,
/// the largest first: so that a lane which was held up does less.
final class AttentionWork {
  /// The tokens `[index, index + count)` of a part, for one KV head.
  record Piece(StepBatch.Part part, int index, int count, int kvHead) {
    private long cost() {
      return (long) count * (part.computed() + index + count);
    }
  }

  private final List<Piece> pieces = new ArrayList<>();
  private final AtomicInteger[] claimed;

  /// @param leastChunk parts of fewer tokens are cut into single tokens
  AttentionWork(StepBatch batch, int kvHeads, int layers, int leastChunk) {
    for (StepBatch.Part part : batch.parts()) {
      int count = part.count() < leastChunk ? 1 : part.count();
      for (int index = 0; index < part.count(); index += count)
        for (int head = 0; head < kvHeads; head++) pieces.add(new Piece(part, index, count, head));
    }
    pieces.sort((a, b) -> Long.compare(b.cost(), a.cost()));
    claimed = new AtomicInteger[layers];
    for (int i = 0; i < layers; i++) claimed[i] = new AtomicInteger();
  }

  int pieces() {
    return pieces.size();
  }

  /// The index of a piece that is the caller's now; at least [#pieces] if none is left.
  int claim(int layer) {
    return claimed[layer].getAndIncrement();
  }

  Piece piece(int index) {
    return pieces.get(index);
  }
}
