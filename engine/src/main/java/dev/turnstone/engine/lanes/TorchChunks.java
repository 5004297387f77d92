package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Attention of chunks as libtorch computes it, over keys and values in plain rows.
final class TorchChunks implements ChunkAttention {
  private final ModelConfig config;
  private final AttentionKernel kernel;
  private final PagedCache cache;
  private final Heads heads;
  private final Elements elements;
  private final Libtorch torch;
  private final int group;
  private final int headDim;
  private PtNDManager own = Model.newManager();
  private int capacity;
  private List<Activations> keys = List.of();
  private List<Activations> values = List.of();

  TorchChunks(
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

  @Override
  public int unit() {
    return 1;
  }

  /// If there is no memory for it, nothing is left that a later step could write to.
  @Override
  public void reserve(int rows) {
    if (rows <= capacity) return;
    int more = Math.max(rows, capacity + capacity / 2);
    close();
    keys = List.of();
    values = List.of();
    capacity = 0;
    own = Model.newManager();
    keys = buffers(more);
    values = buffers(more);
    capacity = more;
  }

  private List<Activations> buffers(int rows) {
    var buffers = new ArrayList<Activations>();
    for (int head = 0; head < config.kvHeads(); head++)
      buffers.add(Activations.tensor(torch, own, elements, rows, headDim));
    return buffers;
  }

  @Override
  public void lay(LaneStep step, int layer, StepBatch.Part part, int first) {
    int lanes = step.team().lanes();
    int end = part.computed() + part.count();
    for (int block = step.lane(); block * Model.BLOCK < end; block += lanes) {
      int token = block * Model.BLOCK;
      for (int head = 0; head < config.kvHeads(); head++)
        kernel.copy(
            cache.keys(layer, part.blocks()[block], head),
            cache.values(layer, part.blocks()[block], head),
            Math.min(Model.BLOCK, end - token),
            keys.get(head).row(first + token),
            values.get(head).row(first + token));
    }
  }

  @Override
  public void apply(
      LaneStep step,
      int layer,
      AttentionWork.Piece piece,
      int first,
      PackedLayer weights,
      Product qkv,
      Activations attended) {
    LaneScratch lane = step.scratch();
    Activations queries = lane.queries(torch, elements, piece.count());
    for (int i = 0; i < piece.count(); i++)
      heads.queries(
          lane.query,
          qkv,
          piece.part().row() + piece.index() + i,
          piece.kvHead(),
          piece.part().computed() + piece.index() + i,
          layer,
          weights,
          elements,
          queries.row(i));
    try (PtNDArray result = multiply(lane, layer, piece, first, queries)) {
      spread(Libtorch.address(result), piece, attended);
    }
  }

  private PtNDArray multiply(
      LaneScratch lane, int layer, AttentionWork.Piece piece, int firstRow, Activations queries) {
    int before = piece.part().computed() + piece.index();
    boolean slides =
        config.kinds().get(layer).sliding() && before + piece.count() > config.window();
    try (IValue first = IValue.from((long) firstRow);
        IValue tokens = IValue.from((long) piece.count());
        IValue earlier = IValue.from((long) before);
        IValue window = IValue.from((long) config.window())) {
      IValue q = queries.values();
      IValue k = keys.get(piece.kvHead()).values();
      IValue v = values.get(piece.kvHead()).values();
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

  @Override
  public void close() {
    keys.forEach(Activations::close);
    values.forEach(Activations::close);
    own.close();
  }
}
