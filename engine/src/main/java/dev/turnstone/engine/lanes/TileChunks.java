package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;

/// Attention of chunks on the CPU's tile registers, over keys and values in blocks of [#BLOCK]
/// tokens as [TileKernel] multiplies them: keys as `[headDim / 2][BLOCK][2]`, values as `[BLOCK /
/// 2][headDim][2]`, in which the pairs of 32 tokens are token i and token i + 16, because so the
/// weights come out of two vectors.
///
/// Queries of up to [#MOST_ROWS] rows (a row is a token's head) meet one block of keys after the
/// other: scores, softmax as far as it is known, weighted sums that are scaled down when a larger
/// score comes. So what they work on stays in a core's cache.
final class TileChunks implements ChunkAttention {
  /// Tokens of a block.
  static final int BLOCK = 256;

  /// Tokens whose values stand in pairs.
  static final int PAIRED = 32;

  private static final int MOST_ROWS = 192;

  /// Rows and columns of products are multiples of it, so that few kernels are compiled.
  private static final int UNIT = 64;

  private final ModelConfig config;
  private final TileKernel kernel;
  private final Bfloat16Attention cached;
  private final PagedCache cache;
  private final Heads heads;
  private final Bfloat16Elements elements = new Bfloat16Elements();
  private final int group;
  private final int headDim;
  private final int tokens;
  private final float scale;
  private final long blockBytes;
  private Arena arena = Arena.ofShared();
  private long memory;
  private int capacity;
  private final List<FlashTile> tiles;

  TileChunks(
      ModelConfig config,
      TileKernel kernel,
      Bfloat16Attention cached,
      PagedCache cache,
      Heads heads,
      int lanes) {
    this.config = config;
    this.kernel = kernel;
    this.cached = cached;
    this.cache = cache;
    this.heads = heads;
    group = config.heads() / config.kvHeads();
    headDim = config.headDim();
    tokens = Math.max(1, MOST_ROWS / group);
    scale = (float) (config.attentionScale() / Math.log(2));
    blockBytes = (long) BLOCK * headDim * Short.BYTES;
    int rows = Math.ceilDiv(tokens * group, UNIT) * UNIT;
    tiles = IntStream.range(0, lanes).mapToObj(_ -> new FlashTile(rows, headDim)).toList();
  }

  @Override
  public int unit() {
    return BLOCK;
  }

  /// If there is no memory for it, nothing is left that a later step could write to.
  @Override
  public void reserve(int rows) {
    if (rows <= capacity) return;
    arena.close();
    capacity = 0;
    arena = Arena.ofShared();
    // Keys and values of all heads.
    memory = arena.allocate(2 * blockBytes * (rows / BLOCK) * config.kvHeads(), 64).address();
    capacity = rows;
  }

  private long keys(int row, int head) {
    return memory + 2 * blockBytes * ((long) row / BLOCK * config.kvHeads() + head);
  }

  private long values(int row, int head) {
    return keys(row, head) + blockBytes;
  }

  @Override
  public void recall(LaneStep step, int layer, StepBatch.Part part, int first) {
    int lanes = step.team().lanes();
    for (int block = step.lane(); block * Model.BLOCK < part.computed(); block += lanes) {
      int row = first + block * Model.BLOCK;
      for (int head = 0; head < config.kvHeads(); head++)
        cached.copyTiles(
            cache.keys(layer, part.blocks()[block], head),
            cache.values(layer, part.blocks()[block], head),
            Math.min(Model.BLOCK, part.computed() - block * Model.BLOCK),
            keys(row, head) + 4L * (row % BLOCK),
            values(row, head) + valuePlace(row, 0));
    }
  }

  /// From the beginning of a block's values.
  private long valuePlace(int row, int dimension) {
    int within = row % BLOCK;
    int pair = within / PAIRED * (PAIRED / 2) + within % (PAIRED / 2);
    return 2L * (2L * ((long) pair * headDim + dimension) + within / (PAIRED / 2) % 2);
  }

  @Override
  public void lay(int row, int head, float[] key, float[] value, boolean last) {
    long keyAt = keys(row, head) + 4L * (row % BLOCK);
    for (int i = 0; i < headDim; i += 2) {
      int pair =
          (Bfloat16Elements.rounded(key[i]) & 0xffff)
              | (Bfloat16Elements.rounded(key[i + 1]) << 16);
      Simd.MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, keyAt + 2L * BLOCK * i, pair);
    }
    long valueAt = values(row, head) + valuePlace(row, 0);
    for (int i = 0; i < headDim; i++)
      Simd.MEMORY.set(
          ValueLayout.JAVA_SHORT_UNALIGNED, valueAt + 4L * i, Bfloat16Elements.rounded(value[i]));
    // What follows is multiplied by 0, and must be a number for that.
    for (int next = row + 1; last && next % UNIT != 0; next++)
      for (int i = 0; i < headDim; i++)
        Simd.MEMORY.set(
            ValueLayout.JAVA_SHORT_UNALIGNED, values(next, head) + valuePlace(next, i), (short) 0);
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
    for (int index = 0; index < piece.count(); index += tokens) {
      int count = Math.min(tokens, piece.count() - index);
      int position = piece.part().computed() + piece.index() + index;
      int row = piece.part().row() + piece.index() + index;
      FlashTile tile = tiles.get(step.lane());
      tile.begin(count * group);
      for (int i = 0; i < count; i++)
        query(
            step.scratch(),
            layer,
            piece.kvHead(),
            row + i,
            position + i,
            weights,
            qkv,
            tile.queries + 2L * headDim * group * i);
      attend(tile, layer, piece.kvHead(), first, position, count);
      for (int i = 0; i < count * group; i++)
        tile.finish(
            i,
            elements,
            attended.row(row + i / group) + 2L * headDim * (piece.kvHead() * group + i % group));
    }
  }

  private void query(
      LaneScratch lane,
      int layer,
      int kvHead,
      int row,
      int position,
      PackedLayer weights,
      Product qkv,
      long to) {
    for (int head = 0; head < group; head++)
      heads.plainQuery(
          lane.query, head * headDim, qkv, row, kvHead * group + head, position, layer, weights);
    elements.store(lane.query, to);
  }

  /// Tokens from `position` on meet all blocks that one of them sees.
  private void attend(FlashTile tile, int layer, int kvHead, int first, int position, int count) {
    int window = config.kinds().get(layer).sliding() ? config.window() : Integer.MAX_VALUE;
    int rows = Math.ceilDiv(count * group, UNIT) * UNIT;
    int end = position + count;
    int begin = Math.max(0, position + 1 - window) / BLOCK * BLOCK;
    for (int block = begin; block < end; block += BLOCK) {
      int columns = Math.min(BLOCK, Math.ceilDiv(end - block, UNIT) * UNIT);
      long keys = keys(first + block, kvHead);
      kernel.multiply(
          rows, columns, headDim, tile.queries, headDim, keys, BLOCK, tile.scores, BLOCK, false);
      for (int i = 0; i < count; i++) {
        int seen = Math.min(columns, position + i + 1 - block);
        int from = Math.max(0, position + i + 1 - window - block);
        for (int head = 0; head < group; head++)
          tile.weigh(i * group + head, from, seen, columns, scale);
      }
      kernel.multiply(
          rows,
          headDim,
          columns,
          tile.weights,
          BLOCK,
          keys + blockBytes,
          headDim,
          tile.sums,
          headDim,
          block > begin);
    }
  }

  @Override
  public void close() {
    arena.close();
    tiles.forEach(FlashTile::close);
  }
}
