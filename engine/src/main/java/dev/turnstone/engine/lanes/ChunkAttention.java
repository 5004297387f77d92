package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;

/// Attention of many following tokens of a sequence: keys and values of one head are laid out as
/// plain rows once per chunk, and libtorch multiplies.
final class ChunkAttention {
  /// Fewer tokens than this attend one by one.
  static final int LEAST = 8;

  private final ModelConfig config;
  private final AttentionKernel kernel;
  private final PagedCache cache;
  private final Heads heads;
  private final Elements elements;
  private final Libtorch torch;
  private final int group;
  private final int headDim;

  ChunkAttention(
      ModelConfig config,
      AttentionKernel kernel,
      PagedCache cache,
      Heads heads,
      Elements elements,
      Libtorch torch) {
    this.config = config;
    this.kernel = kernel;
    this.cache = cache;
    this.heads = heads;
    this.elements = elements;
    this.torch = torch;
    this.group = config.heads() / config.kvHeads();
    this.headDim = config.headDim();
  }

  /// @param attended rows of attention results
  void apply(
      LaneScratch lane,
      int layer,
      StepBatch.Part part,
      int kvHead,
      PackedLayer weights,
      Product qkv,
      Activations attended) {
    int reach = part.computed() + part.count();
    ChunkBuffers buffers = lane.chunks(torch, elements, reach, part.count());
    for (int token = 0; token < reach; token += Model.BLOCK) {
      int block = part.blocks()[token / Model.BLOCK];
      kernel.copy(
          cache.keys(layer, block, kvHead),
          cache.values(layer, block, kvHead),
          Math.min(Model.BLOCK, reach - token),
          buffers.keys().row(token),
          buffers.values().row(token));
    }
    for (int i = 0; i < part.count(); i++)
      query(lane, layer, part, i, kvHead, weights, qkv, buffers.queries().row(i));
    try (PtNDArray result = multiply(lane, layer, part, buffers)) {
      spread(Libtorch.address(result), part, kvHead, attended);
    }
  }

  private void query(
      LaneScratch lane,
      int layer,
      StepBatch.Part part,
      int index,
      int kvHead,
      PackedLayer weights,
      Product qkv,
      long to) {
    int position = part.computed() + index;
    for (int head = 0; head < group; head++)
      heads.plainQuery(
          lane.query,
          head * headDim,
          qkv,
          part.row() + index,
          kvHead * group + head,
          position,
          layer,
          weights);
    elements.store(lane.query, to);
  }

  private PtNDArray multiply(
      LaneScratch lane, int layer, StepBatch.Part part, ChunkBuffers buffers) {
    boolean slides =
        config.kinds().get(layer).sliding() && part.computed() + part.count() > config.window();
    try (IValue tokens = IValue.from((long) part.count());
        IValue earlier = IValue.from((long) part.computed());
        IValue window = IValue.from((long) config.window())) {
      IValue q = buffers.queries().values();
      IValue k = buffers.keys().values();
      IValue v = buffers.values().values();
      return slides
          ? torch.run(lane.results, "slidingChunk", q, k, v, tokens, earlier, window)
          : torch.run(lane.results, "chunk", q, k, v, tokens, earlier);
    }
  }

  private void spread(long from, StepBatch.Part part, int kvHead, Activations attended) {
    long bytes = (long) group * headDim * elements.bytes();
    for (int i = 0; i < part.count(); i++)
      java.lang.foreign.MemorySegment.copy(
          Simd.MEMORY,
          from + i * bytes,
          Simd.MEMORY,
          attended.row(part.row() + i) + kvHead * bytes,
          bytes);
  }
}
