package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/// Keys and values of one layer as plain rows, for the sequences of a step that have a chunk: all
/// that a chunk sees, sequence after sequence, per KV head. Lanes write them together, before any
/// of them attends.
final class ChunkRows implements AutoCloseable {
  private final ModelConfig config;
  private final Libtorch torch;
  private final Elements elements;
  private final IdentityHashMap<StepBatch.Part, Integer> firsts = new IdentityHashMap<>();
  private PtNDManager own = Model.newManager();
  private int capacity;
  private boolean recalls;
  private List<Activations> keys = List.of();
  private List<Activations> values = List.of();

  ChunkRows(ModelConfig config, Libtorch torch, Elements elements) {
    this.config = config;
    this.torch = torch;
    this.elements = elements;
  }

  /// Makes room for the parts of a step that have at least so many tokens. Before lanes run.
  void begin(StepBatch batch, int leastChunk) {
    firsts.clear();
    recalls = false;
    int rows = 0;
    for (StepBatch.Part part : batch.parts()) {
      if (part.count() < leastChunk) continue;
      firsts.put(part, rows);
      recalls |= part.computed() > 0;
      rows += part.computed() + part.count();
    }
    if (rows > capacity) grow(rows);
  }

  private void grow(int rows) {
    close();
    own = Model.newManager();
    capacity = Math.ceilDiv(rows, 1024) * 1024;
    keys = buffers();
    values = buffers();
  }

  private List<Activations> buffers() {
    var buffers = new ArrayList<Activations>();
    for (int head = 0; head < config.kvHeads(); head++)
      buffers.add(new Activations(torch, own, elements, capacity, config.headDim()));
    return buffers;
  }

  /// Whether a chunk of the step sees what is in the cache.
  boolean recalls() {
    return recalls;
  }

  /// Whether a part is a chunk.
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
