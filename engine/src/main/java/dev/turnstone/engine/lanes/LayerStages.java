package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.util.Optional;

/// What lanes do between meetings. A stage on rows takes the lane's rows, a projection the lane's
/// columns, attention whatever the lane claims.
final class LayerStages {
  private final ModelConfig config;
  private final Elements elements;
  private final AttentionKernel kernel;
  private final PagedCache cache;
  private final LaneBuffers buffers;
  private final ChunkRows rows;
  private final Heads heads;
  private final Gate gate;
  private final RowAttention rowAttention;
  private final ChunkAttention chunks;
  private final Optional<ChunkStrips> strips;
  private final Shares qkvShares;

  /// @param strips takes what chunks need from the projection at once, if it is there
  LayerStages(
      ModelConfig config,
      Elements elements,
      Heads heads,
      AttentionKernel kernel,
      PagedCache cache,
      LaneBuffers buffers,
      ChunkRows rows,
      ChunkAttention chunks,
      Optional<ChunkStrips> strips,
      Gate gate,
      int lanes) {
    this.config = config;
    this.elements = elements;
    this.kernel = kernel;
    this.cache = cache;
    this.buffers = buffers;
    this.heads = heads;
    this.gate = gate;
    rowAttention = new RowAttention(config, kernel, cache, heads, elements);
    this.rows = rows;
    this.chunks = chunks;
    this.strips = strips;
    qkvShares = PackedWeights.qkvShares(config, lanes);
  }

  void embed(LaneStep step, PackedWeights weights) {
    long table = weights.embedding();
    // The scale is rounded to the weights' type, as models that have one were trained.
    elements.put(step.scratch().row, (float) config.embeddingScale());
    float scale = elements.get(step.scratch().row);
    for (int row = step.firstRow(); row < step.endRow(); row++) {
      long from = table + (long) step.batch().ids()[row] * config.hidden() * elements.bytes();
      long to = buffers.residual(row);
      for (int i = 0; i < config.hidden(); i += Simd.WIDTH)
        Simd.store(elements.load(from + (long) elements.bytes() * i).mul(scale), to + 4L * i);
    }
  }

  void normInput(LaneStep step, PackedLayer layer) {
    normInput(step, layer, step.firstRow(), step.endRow());
  }

  /// The same for the rows `[first, end)`, as below.
  void normInput(LaneStep step, PackedLayer layer, int first, int end) {
    for (int row = first; row < end; row++) norm(step, layer.inputNorm(), row);
  }

  private void norm(LaneStep step, RmsNorm norm, int row) {
    norm.apply(buffers.residual(row), elements, buffers.normed.row(row), step.scratch().vector);
  }

  void project(LaneStep step, int layer, PackedLayer weights) {
    if (rows.rows() > 0
        && strips.isPresent()
        && weights.qkv() instanceof TileProjection tiles
        && buffers.qkv instanceof RowProduct whole)
      tiles.run(
          step,
          step.tiling(),
          buffers.normed,
          strips.get().of(step, layer, weights, qkvShares, whole));
    else run(step, weights.qkv(), buffers.normed, buffers.qkv);
  }

  private static void run(LaneStep step, Projection projection, Activations x, Product product) {
    projection.run(step, step.tiling(), x, product);
  }

  void cacheKeys(LaneStep step, int layer, PackedLayer weights) {
    for (StepBatch.Part part : step.batch().parts()) {
      if (strips.isPresent() && rows.holds(part)) continue;
      int end = Math.min(part.row() + part.count(), step.endRow());
      int first = Math.max(part.row(), step.firstRow());
      if (first >= end) continue;
      for (int row = first; row < end; row++) cacheKeys(step, layer, weights, part, row);
    }
  }

  private void cacheKeys(
      LaneStep step, int layer, PackedLayer weights, StepBatch.Part part, int row) {
    int position = part.computed() + row - part.row();
    int block = part.blocks()[position / Model.BLOCK];
    LaneScratch scratch = step.scratch();
    for (int head = 0; head < config.kvHeads(); head++) {
      heads.key(scratch.key, buffers.qkv, row, head, position, layer, weights);
      heads.value(scratch.value, buffers.qkv, row, head);
      kernel.writeKey(cache.keys(layer, block, head), position % Model.BLOCK, scratch.key);
      kernel.writeValue(cache.values(layer, block, head), position % Model.BLOCK, scratch.value);
    }
  }

  /// Only once all lanes have cached their keys: what a chunk sees as computed may be another
  /// part's, and that one's of this very step.
  void layChunks(LaneStep step, int layer) {
    for (StepBatch.Part part : step.batch().parts())
      if (rows.holds(part)) chunks.lay(step, layer, part, rows.first(part));
  }

  void attend(LaneStep step, int layer, PackedLayer weights) {
    boolean slides = config.kinds().get(layer).sliding();
    int window = slides ? config.window() : Integer.MAX_VALUE;
    AttentionWork work = step.work();
    boolean last = layer == config.layers() - 1;
    for (int next = work.claim(layer); next < work.pieces(); next = work.claim(layer)) {
      AttentionWork.Piece piece = work.piece(next);
      int row = piece.part().row() + piece.index();
      // Nobody reads what else the last layer gives.
      if (last && !step.batch().wants(row, row + piece.count())) continue;
      if (piece.chunk())
        chunks.apply(
            step, layer, piece, rows.first(piece.part()), weights, buffers.qkv, buffers.attended);
      else
        rowAttention.apply(
            step.scratch(),
            layer,
            piece.part(),
            piece.index(),
            piece.kvHead(),
            window,
            weights,
            buffers.qkv,
            buffers.attended.row(row));
    }
  }

  void output(LaneStep step, PackedLayer layer) {
    run(step, layer.output(), buffers.attended, buffers.output);
  }

  void normMlp(LaneStep step, PackedLayer layer) {
    normMlp(step, layer, step.firstRow(), step.endRow());
  }

  void normMlp(LaneStep step, PackedLayer layer, int first, int end) {
    for (int row = first; row < end; row++) {
      add(step, layer, buffers.output, row, 0);
      norm(step, layer.mlpNorm(), row);
    }
  }

  /// Adds what attention (0) or the MLP (1) gave, normed first where the family does so.
  private void add(LaneStep step, PackedLayer layer, Product product, int row, int norm) {
    if (layer.postNorms().isEmpty()) {
      product.addTo(row, buffers.residual(row));
      return;
    }
    LaneScratch scratch = step.scratch();
    product.copyTo(row, scratch.row);
    layer.postNorms().get(norm).add(scratch.row, buffers.residual(row), scratch.vector);
  }

  void gate(LaneStep step, PackedLayer layer) {
    layer.gateUp().runGated(step, buffers.normed, buffers.gateUp, gate, buffers.inner);
  }

  void down(LaneStep step, PackedLayer layer) {
    run(step, layer.down(), buffers.inner, buffers.down);
  }

  void addMlp(LaneStep step, PackedLayer layer) {
    addMlp(step, layer, step.firstRow(), step.endRow());
  }

  void addMlp(LaneStep step, PackedLayer layer, int first, int end) {
    for (int row = first; row < end; row++) add(step, layer, buffers.down, row, 1);
  }

  /// Puts the wanted rows, normed, one after the other.
  void normLast(LaneStep step, PackedWeights weights) {
    int[] wanted = step.batch().wanted();
    for (int i = step.lane(); i < wanted.length; i += step.team().lanes())
      weights
          .lastNorm()
          .apply(
              buffers.residual(wanted[i]), elements, buffers.normed.row(i), step.scratch().vector);
  }

  void head(LaneStep step, PackedWeights weights, Tiling tiling) {
    int count = step.batch().wanted().length;
    if (count == 0) return;
    weights.head().run(step, tiling, buffers.normed, buffers.head);
    for (int i = 0; i < count; i++) buffers.head.copyTo(step.lane(), i, buffers.logits(i));
  }
}
