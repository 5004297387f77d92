package dev.turnstone.engine.lanes;

import dev.turnstone.engine.StepBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/// The attention of a step cut into pieces that lanes claim one after the other, layer by layer,
/// the largest first: so that a lane which was held up does less.
final class AttentionWork {
  /// Tokens of a chunk's piece: many enough for large products, few enough that lanes end together.
  private static final int CHUNK = 512;

  /// The tokens `[index, index + count)` of a part, for one KV head.
  ///
  /// @param chunk whether they are taken together
  record Piece(StepBatch.Part part, int index, int count, int kvHead, boolean chunk) {
    private long cost() {
      return (long) count * (part.computed() + index + count);
    }
  }

  private final List<Piece> pieces = new ArrayList<>();
  private final AtomicInteger[] claimed;

  /// @param chunks the parts whose tokens are taken together; the others are cut into single tokens
  AttentionWork(StepBatch batch, int kvHeads, int layers, Predicate<StepBatch.Part> chunks) {
    for (StepBatch.Part part : batch.parts()) {
      boolean chunk = chunks.test(part);
      int most = chunk ? CHUNK : 1;
      for (int index = 0; index < part.count(); index += most) {
        int count = Math.min(most, part.count() - index);
        for (int head = 0; head < kvHeads; head++)
          pieces.add(new Piece(part, index, count, head, chunk));
      }
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
