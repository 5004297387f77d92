package dev.turnstone.engine.lanes;

import dev.turnstone.engine.ForwardPass;
import dev.turnstone.engine.LogitRows;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Parameters;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.StepBatch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The forward pass of a step on lanes, which meet after each stage of a layer; where a step has
/// many rows, only around attention. The residual stream is f32.
public final class LaneForward implements ForwardPass {
  private final ModelConfig config;
  private final Elements elements;
  private final Libtorch torch;
  private final Optional<TileKernel> tiles;
  private final LaneTeam team;
  private final PagedCache cache;
  private final LaneBuffers buffers;
  private final ChunkRows chunkRows;
  private final ChunkAttention chunks;
  private final List<LaneScratch> scratch = new ArrayList<>();
  private final Map<Integer, Tiling> tilings = new HashMap<>();
  private final boolean deterministic;
  private final LayerStages stages;
  private final Optional<RowStrips> rowStrips;

  /// @param kvBytes memory of the KV cache
  /// @param mostRows tokens of one step at most
  /// @param deterministic whether a token's numbers must not depend on what else is computed
  /// @throws IllegalArgumentException if the cache is too small
  public LaneForward(
      ModelConfig config,
      Precision precision,
      int lanes,
      long kvBytes,
      int mostRows,
      boolean deterministic) {
    this.config = config;
    this.deterministic = deterministic;
    elements = Elements.of(precision);
    AttentionKernel kernel = AttentionKernel.of(precision, config.headDim());
    cache = new PagedCache(config, kernel, kvBytes);
    torch = new Libtorch(config, precision);
    team = new LaneTeam(lanes);
    tiles = precision == Precision.BF16 ? TileKernel.find() : Optional.empty();
    buffers = new LaneBuffers(config, torch, elements, lanes, mostRows, tiles.isPresent());
    for (int lane = 0; lane < lanes; lane++) scratch.add(new LaneScratch(config, kernel));
    var heads = new Heads(config);
    chunks =
        tiles.isPresent() && kernel instanceof Bfloat16Attention cached
            ? new TileChunks(config, tiles.get(), cached, cache, buffers.queries, lanes)
            : new TorchChunks(config, kernel, cache, heads, elements, torch);
    chunkRows = new ChunkRows(cache.blocks() * Model.BLOCK, chunks.unit());
    Optional<ChunkStrips> strips =
        chunks instanceof TileChunks && kernel instanceof Bfloat16Attention cached
            ? Optional.of(new ChunkStrips(config, heads, cached, cache, chunkRows, buffers.queries))
            : Optional.empty();
    var gate = new Gate(config.family().gelu());
    stages =
        new LayerStages(
            config, elements, heads, kernel, cache, buffers, chunkRows, chunks, strips, gate,
            lanes);
    rowStrips = strips.map(of -> new RowStrips(config, stages, buffers, gate, of));
  }

  /// Why lanes cannot compute a model here; empty if they can.
  public static String obstacle(ModelConfig config) {
    if (config.hidden() % Simd.WIDTH != 0 || config.intermediate() % Simd.WIDTH != 0)
      return "hidden size %d or intermediate size %d is no multiple of %d"
          .formatted(config.hidden(), config.intermediate(), Simd.WIDTH);
    if (Model.BLOCK % Simd.WIDTH != 0)
      return "vectors of %d values do not divide a block".formatted(Simd.WIDTH);
    return "";
  }

  @Override
  public int blocks() {
    return cache.blocks();
  }

  @Override
  public long cacheBytes() {
    return cache.bytes();
  }

  @Override
  public boolean copies() {
    return true;
  }

  @Override
  public Weights prepare(Parameters parameters) {
    try (parameters) {
      return new PackedWeights(config, torch, tiles, elements, team.lanes(), parameters);
    }
  }

  @Override
  public void copy(int from, int to) {
    cache.copy(from, to);
  }

  @Override
  public LogitRows run(StepBatch batch, Weights weights) {
    var packed = (PackedWeights) weights;
    Tiling rows = tiling(batch.rows());
    Tiling wanted = tiling(Math.max(1, batch.wanted().length));
    buffers.reserveLogits(Math.max(TileProjection.LEAST, wanted.rows()));
    int least = deterministic ? Integer.MAX_VALUE : ChunkAttention.LEAST;
    chunkRows.begin(batch, least);
    chunks.reserve(chunkRows.rows());
    var work = new AttentionWork(batch, config.kvHeads(), config.layers(), chunkRows::holds);
    boolean apart = rowStrips.isPresent() && RowStrips.pays(batch, team.lanes());
    Shares shares = Shares.of(batch.rows(), team.lanes(), apart ? Tiling.FIXED : 1);
    team.run(lane ->
        attempt(
            new LaneStep(lane, batch, work, rows, shares, scratch.get(lane), team),
            packed,
            wanted,
            apart));
    return buffers.allLogits(batch.wanted().length);
  }

  private Tiling tiling(int rows) {
    int key = deterministic ? Math.ceilDiv(rows, Tiling.FIXED) : Tiling.rounded(rows);
    return tilings.computeIfAbsent(
        key, _ -> deterministic ? Tiling.fixed(rows) : Tiling.whole(rows));
  }

  private void attempt(LaneStep step, PackedWeights weights, Tiling wanted, boolean apart) {
    try {
      stages.embed(step, weights);
      if (apart) computeApart(step, weights, rowStrips.orElseThrow());
      else compute(step, weights);
      team.meet();
      stages.normLast(step, weights);
      team.meet();
      stages.head(step, weights, wanted);
    } finally {
      // libtorch's own products want the tiles otherwise.
      tiles.ifPresent(TileKernel::release);
    }
  }

  /// Lanes share the columns of products.
  private void compute(LaneStep step, PackedWeights weights) {
    for (int layer = 0; layer < config.layers(); layer++) {
      PackedLayer of = weights.layers().get(layer);
      stages.normInput(step, of);
      team.meet();
      stages.project(step, layer, of);
      team.meet();
      stages.cacheKeys(step, layer, of);
      team.meet();
      attend(step, layer, of);
      team.meet();
      stages.output(step, of);
      team.meet();
      stages.normMlp(step, of);
      team.meet();
      stages.gate(step, of);
      team.meet();
      stages.down(step, of);
      team.meet();
      stages.addMlp(step, of);
    }
  }

  /// Each lane has rows of its own but for attention.
  private void computeApart(LaneStep step, PackedWeights weights, RowStrips strips) {
    strips.begin(step, weights);
    for (int layer = 0; layer < config.layers(); layer++) {
      team.meet();
      attend(step, layer, weights.layers().get(layer));
      team.meet();
      strips.run(step, layer, weights);
    }
  }

  private void attend(LaneStep step, int layer, PackedLayer weights) {
    if (chunkRows.rows() > 0) {
      stages.layChunks(step, layer);
      team.meet();
    }
    stages.attend(step, layer, weights);
  }

  @Override
  public void close() {
    team.close();
    scratch.forEach(LaneScratch::close);
    tilings.values().forEach(Tiling::close);
    buffers.close();
    chunks.close();
    torch.close();
    cache.close();
  }
}
