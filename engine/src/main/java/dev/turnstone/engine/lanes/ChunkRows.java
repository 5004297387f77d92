package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;

/// Keys and values of one layer as plain rows, for the sequences of a step that have a chunk: all
/// that a chunk sees, sequence after sequence, per KV head. Lanes write them together, before any
/// of them attends.
///
/// Sequences that share a prefix have it once in the cache, but each for itself here; so there are
/// no more rows than the cache has tokens, and chunks that find no room are not held.
final class ChunkRows implements AutoCloseable {
  private final ModelConfig config;
  private final Libtorch torch;
  private final Elements elements;
  private final int most;
  private final IdentityHashMap<StepBatch.Part, Integer> firsts = new IdentityHashMap<>();
  private PtNDManager own = Model.newManager();
  private int capacity;
  private boolean recalls;
  private List<Activations> keys = List.of();
  private List<Activations> values = List.of();

  /// @param most rows, at least those of one sequence of full length
  ChunkRows(ModelConfig config, Libtorch torch, Elements elements, int most) {
    this.most = most;
    this.config = config;
    this.torch = torch;
    this.elements = elements;
  }

  /// Makes room for the parts of a step that have at least so many tokens, those with most of them
  /// first. Before lanes run.
  void begin(StepBatch batch, int leastChunk) {
    firsts.clear();
    recalls = false;
    int rows = 0;
    for (StepBatch.Part part : largestFirst(batch.parts())) {
      int seen = part.computed() + part.count();
      if (part.count() < leastChunk || seen > most - rows) continue;
      firsts.put(part, rows);
      recalls |= part.computed() > 0;
      rows += seen;
    }
    if (rows > capacity) grow(rows);
  }

  private static List<StepBatch.Part> largestFirst(List<StepBatch.Part> parts) {
    return parts.stream()
        .sorted(Comparator.comparingInt(StepBatch.Part::count).reversed())
        .toList();
  }

  /// If there is no memory for it, nothing is left that a later step could write to.
  private void grow(int rows) {
    close();
    keys = List.of();
    values = List.of();
    capacity = 0;
    own = Model.newManager();
    int more = Math.ceilDiv(rows, 1024) * 1024;
    keys = buffers(more);
    values = buffers(more);
    capacity = more;
  }

  private List<Activations> buffers(int rows) {
    var buffers = new ArrayList<Activations>();
    for (int head = 0; head < config.kvHeads(); head++)
      buffers.add(new Activations(torch, own, elements, rows, config.headDim()));
    return buffers;
  }

  /// Whether a chunk of the step sees what is in the cache.
  boolean recalls() {
    return recalls;
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

  Activations keys(int head) {
    return keys.get(head);
  }

  Activations values(int head) {
    return values.get(head);
  }

  @Override
  public void close() {
    keys.forEach(Activations::close);
    values.forEach(Activations::close);
    own.close();
  }
}
