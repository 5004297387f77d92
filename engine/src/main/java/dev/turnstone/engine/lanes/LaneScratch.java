package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import java.lang.foreign.Arena;
import java.util.Optional;

/// Memory that one lane writes for itself alone.
final class LaneScratch implements AutoCloseable {
  private final Arena arena = Arena.ofShared();

  /// What libtorch gives back to this lane.
  final PtNDManager results = Model.newManager();

  final float[] vector = new float[Simd.WIDTH];
  final float[] query;
  final float[] key;
  final float[] value;
  final float[] scores;

  /// Between one head's scores and the next's.
  final int stride;

  /// Sums over some of a sequence's tokens, and over those before as well.
  final RowSums part;

  final RowSums all;

  /// Addresses of the keys and values of a sequence's blocks, for one layer and head.
  final long[] keys;

  final long[] values;

  /// See [Simd#touch].
  int touched;

  /// One row of f32.
  final long row;

  /// Rows of a block of a gate and what it gates.
  final long tile;

  /// Rows of queries, keys and values.
  final long strip;

  private Optional<ChunkQueries> chunks = Optional.empty();

  LaneScratch(ModelConfig config, AttentionKernel kernel) {
    int group = config.heads() / config.kvHeads();
    int qkv = (config.heads() + 2 * config.kvHeads()) * config.headDim();
    int step = AttentionKernel.STRIPS * Simd.WIDTH;
    query = new float[group * config.headDim()];
    key = new float[config.headDim()];
    value = new float[config.headDim()];
    stride = Math.ceilDiv(config.contextLength(), step) * step + step;
    scores = new float[AttentionKernel.MOST_HEADS * stride];
    part = new RowSums(kernel.width());
    all = new RowSums(kernel.width());
    keys = new long[stride / Model.BLOCK + AttentionKernel.BEYOND];
    values = new long[keys.length];
    row = arena.allocate(4L * Math.max(config.hidden(), config.vocabulary()), 64).address();
    var pages = new LargePages(arena);
    strip = pages.allocate(4L * TileProjection.ROWS * qkv, 64).address();
    tile = pages.allocate(8L * TileProjection.ROWS * TileProjection.COLUMNS, 64).address();
  }

  /// Rows for queries, kept from one piece to the next and replaced when too few.
  Activations queries(Libtorch torch, Elements elements, int tokens) {
    if (chunks.isPresent() && tokens <= chunks.get().tokens()) return chunks.get().rows();
    chunks.ifPresent(ChunkQueries::close);
    chunks = Optional.empty();
    var next = new ChunkQueries(torch, elements, ceilingPower(tokens), query.length);
    chunks = Optional.of(next);
    return next.rows();
  }

  private static int ceilingPower(int size) {
    return size <= 1 ? 1 : Integer.highestOneBit(size - 1) << 1;
  }

  @Override
  public void close() {
    chunks.ifPresent(ChunkQueries::close);
    results.close();
    arena.close();
  }
}
