package dev.turnstone.engine.lanes;

import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;

/// What a lane does with rows of its own from one attention to the next, strip by strip: so that
/// what one product gives is still near when the next one takes it, and lanes need not meet. Each
/// lane reads all weights for it, which only pays for many rows.
final class RowStrips {
  /// Rows of a strip: as many as a core's cache holds of the MLP's middle, beside weights.
  private static final int STRIP = 256;

  /// Rows of a lane from which on it pays.
  private static final int LEAST = 256;

  private final ModelConfig config;
  private final LayerStages stages;
  private final LaneBuffers buffers;
  private final Gate gate;
  private final ChunkStrips chunks;

  RowStrips(
      ModelConfig config, LayerStages stages, LaneBuffers buffers, Gate gate, ChunkStrips chunks) {
    this.config = config;
    this.stages = stages;
    this.buffers = buffers;
    this.gate = gate;
    this.chunks = chunks;
  }

  /// Whether a step has rows enough.
  static boolean pays(StepBatch batch, int lanes) {
    return batch.rows() >= lanes * LEAST;
  }

  /// Up to the first attention.
  void begin(LaneStep step, PackedWeights weights) {
    for (int first = step.firstRow(); first < step.endRow(); first += STRIP)
      project(step, first, Math.min(first + STRIP, step.endRow()), 0, weights);
    stages.cacheKeys(step, 0, weights.layers().getFirst());
  }

  /// From a layer's attention to the next one's. After the last, rows that nobody wants stay as
  /// they are.
  void run(LaneStep step, int layer, PackedWeights weights) {
    boolean last = layer == config.layers() - 1;
    for (int first = step.firstRow(); first < step.endRow(); first += STRIP) {
      int end = Math.min(first + STRIP, step.endRow());
      if (last && !step.batch().wants(first, end)) continue;
      strip(step, first, end, weights.layers().get(layer));
      if (!last) project(step, first, end, layer + 1, weights);
    }
    if (!last) stages.cacheKeys(step, layer + 1, weights.layers().get(layer + 1));
  }

  private void strip(LaneStep step, int first, int end, PackedLayer layer) {
    tiles(layer.output()).runRows(step, first, end, buffers.attended, buffers.output);
    stages.normMlp(step, layer, first, end);
    tiles(layer.gateUp()).runGatedRows(step, first, end, buffers.normed, gate, buffers.inner);
    tiles(layer.down()).runRows(step, first, end, buffers.inner, buffers.down);
    stages.addMlp(step, layer, first, end);
  }

  private void project(LaneStep step, int first, int end, int layer, PackedWeights weights) {
    PackedLayer of = weights.layers().get(layer);
    stages.normInput(step, of, first, end);
    TileProjection.Strips strips = chunks.of(step, layer, of, (RowProduct) buffers.qkv);
    tiles(of.qkv()).runRows(step, first, end, buffers.normed, strips);
  }

  private static TileProjection tiles(Projection projection) {
    return (TileProjection) projection;
  }
}
