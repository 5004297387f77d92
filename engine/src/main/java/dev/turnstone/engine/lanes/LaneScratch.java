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

  final float[] sums;
  final float[] totals = new float[AttentionKernel.MOST_HEADS];

  /// Addresses of the keys and values of a sequence's blocks, for one layer and head.
  final long[] keys;

  final long[] values;

  /// One row of f32.
  final long row;

  private final ModelConfig config;
  private Optional<ChunkBuffers> chunks = Optional.empty();

  LaneScratch(ModelConfig config, AttentionKernel kernel) {
    this.config = config;
    int group = config.heads() / config.kvHeads();
    int step = AttentionKernel.STRIPS * Simd.WIDTH;
    query = new float[group * config.headDim()];
    key = new float[config.headDim()];
    value = new float[config.headDim()];
    stride = Math.ceilDiv(config.contextLength(), step) * step + step;
    scores = new float[AttentionKernel.MOST_HEADS * stride];
    sums = new float[AttentionKernel.MOST_HEADS * kernel.width()];
    keys = new long[stride / Model.BLOCK + 1];
    values = new long[keys.length];
    row = arena.allocate(4L * Math.max(config.hidden(), config.vocabulary()), 64).address();
  }

  /// Buffers for a chunk, kept from one to the next and replaced when too small.
  ChunkBuffers chunks(Libtorch torch, Elements elements, int reach, int tokens) {
    if (chunks.isPresent() && chunks.get().hold(reach, tokens)) return chunks.get();
    int least = chunks.map(ChunkBuffers::reach).orElse(0);
    int fewest = chunks.map(ChunkBuffers::tokens).orElse(0);
    chunks.ifPresent(ChunkBuffers::close);
    int group = config.heads() / config.kvHeads();
    var next =
        new ChunkBuffers(
            torch,
            elements,
            Math.max(least, ceilingPower(reach)),
            Math.max(fewest, ceilingPower(tokens)),
            config.headDim(),
            group);
    chunks = Optional.of(next);
    return next;
  }

  private static int ceilingPower(int size) {
    return size <= 1 ? 1 : Integer.highestOneBit(size - 1) << 1;
  }

  @Override
  public void close() {
    chunks.ifPresent(ChunkBuffers::close);
    results.close();
    arena.close();
  }
}
