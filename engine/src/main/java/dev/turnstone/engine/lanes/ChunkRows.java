package dev.turnstone.engine.lanes;

import dev.turnstone.engine.StepBatch;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;

/// Which sequences of a step have a chunk whose tokens attend together, and where its keys and
/// values lie: all that a chunk sees, sequence after sequence.
///
/// Sequences that share a prefix have it once in the cache, but each for itself here; so there are
/// about as many rows as the cache has tokens, and chunks that find no room are not held.
final class ChunkRows {
  private final int most;
  private final int unit;
  private final IdentityHashMap<StepBatch.Part, Integer> firsts = new IdentityHashMap<>();
  private int rows;

  /// @param most rows, at least those of one sequence of full length
  /// @param unit a sequence's rows begin at multiples of it
  ChunkRows(int most, int unit) {
    this.most = Math.ceilDiv(most, unit) * unit;
    this.unit = unit;
  }

  /// Places the parts of a step that have at least so many tokens, those with most of them first.
  void begin(StepBatch batch, int leastChunk) {
    firsts.clear();
    rows = 0;
    for (StepBatch.Part part : largestFirst(batch.parts())) {
      int seen = Math.ceilDiv(part.computed() + part.count(), unit) * unit;
      if (part.count() < leastChunk || seen > most - rows) continue;
      firsts.put(part, rows);
      rows += seen;
    }
  }

  private static List<StepBatch.Part> largestFirst(List<StepBatch.Part> parts) {
    return parts.stream()
        .sorted(Comparator.comparingInt(StepBatch.Part::count).reversed())
        .toList();
  }

  /// Rows of all parts.
  int rows() {
    return rows;
  }

  /// Whether a part is a chunk whose rows are here.
  boolean holds(StepBatch.Part part) {
    return firsts.containsKey(part);
  }

  /// The row of a part's first position.
  int first(StepBatch.Part part) {
    Integer first = firsts.get(part);
    if (first == null) throw new IllegalArgumentException("no chunk: " + part);
    return first;
  }
}
