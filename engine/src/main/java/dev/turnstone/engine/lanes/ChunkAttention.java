package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.lang.foreign.MemorySegment;

/// Attention of many following tokens of a sequence, which libtorch multiplies: keys and values are
/// plain rows in [ChunkRows], written once per layer for all pieces of a chunk.
final class ChunkAttention {
  /// Fewer tokens than this attend one by one.
  static final int LEAST = 8;

  private final ModelConfig config;
  private final AttentionKernel kernel;
  private final PagedCache cache;
  private final Heads heads;
  private final Elements elements;
  private final Libtorch torch;
  private final ChunkRows rows;
  private final int group;
  private final int headDim;

  ChunkAttention(
      ModelConfig config,
      AttentionKernel kernel,
      PagedCache cache,
      Heads heads,
      Elements elements,
      Libtorch torch,
      ChunkRows rows) {
    this.config = config;
    this.kernel = kernel;
    this.cache = cache;
    this.heads = heads;
    this.elements = elements;
    this.torch = torch;
    this.rows = rows;
    this.group = config.heads() / config.kvHeads();
    this.headDim = config.headDim();
  }

  /// Lays a lane's share of what was cached before the chunk out as rows.
  void recall(LaneStep step, int layer, StepBatch.Part part) {
    int first = rows.first(part);
    int lanes = step.team().lanes();
    for (int block = step.lane(); block * Model.BLOCK < part.computed(); block += lanes) {
      int token = block * Model.BLOCK;
      for (int head = 0; head < config.kvHeads(); head++)
        kernel.copy(
            cache.keys(layer, part.blocks()[block], head),
            cache.values(layer, part.blocks()[block], head),
            Math.min(Model.BLOCK, part.computed() - token),
            rows.keys(head).row(first + token),
            rows.values(head).row(first + token));
    }
  }

  /// Lays one of the chunk's own tokens out.
  void lay(StepBatch.Part part, int position, int head, float[] key, float[] value) {
    int row = rows.first(part) + position;
    elements.store(key, rows.keys(head).row(row));
    elements.store(value, rows.values(head).row(row));
  }

  /// @param attended rows of attention results
  void apply(
      LaneScratch lane,
      int layer,
      AttentionWork.Piece piece,
      PackedLayer weights,
      Product qkv,
      Activations attended) {
    Activations queries = lane.queries(torch, elements, piece.count());
    for (int i = 0; i < piece.count(); i++)
      query(lane, layer, piece, i, weights, qkv, queries.row(i));
    try (PtNDArray result = multiply(lane, layer, piece, queries)) {
      spread(Libtorch.address(result), piece, attended);
    }
  }

  private void query(
      LaneScratch lane,
      int layer,
      AttentionWork.Piece piece,
      int index,
      PackedLayer weights,
      Product qkv,
      long to) {
    int within = piece.index() + index;
    for (int head = 0; head < group; head++)
      heads.plainQuery(
          lane.query,
          head * headDim,
          qkv,
          piece.part().row() + within,
          piece.kvHead() * group + head,
          piece.part().computed() + within,
          layer,
          weights);
    elements.store(lane.query, to);
  }

  private PtNDArray multiply(
      LaneScratch lane, int layer, AttentionWork.Piece piece, Activations queries) {
    int before = piece.part().computed() + piece.index();
    boolean slides =
        config.kinds().get(layer).sliding() && before + piece.count() > config.window();
    try (IValue first = IValue.from((long) rows.first(piece.part()));
        IValue tokens = IValue.from((long) piece.count());
        IValue earlier = IValue.from((long) before);
        IValue window = IValue.from((long) config.window())) {
      IValue q = queries.values();
      IValue k = rows.keys(piece.kvHead()).values();
      IValue v = rows.values(piece.kvHead()).values();
      return slides
          ? torch.run(lane.results, "slidingChunk", q, k, v, first, tokens, earlier, window)
          : torch.run(lane.results, "chunk", q, k, v, first, tokens, earlier);
    }
  }

  private void spread(long from, AttentionWork.Piece piece, Activations attended) {
    long bytes = (long) group * headDim * elements.bytes();
    int row = piece.part().row() + piece.index();
    for (int i = 0; i < piece.count(); i++)
      MemorySegment.copy(
          Simd.MEMORY,
          from + i * bytes,
          Simd.MEMORY,
          attended.row(row + i) + piece.kvHead() * bytes,
          bytes);
  }
}
