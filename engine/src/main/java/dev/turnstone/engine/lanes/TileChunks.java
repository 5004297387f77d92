package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/// Attention of chunks on the CPU's tile registers, over keys and values in blocks of [#BLOCK]
/// tokens as [TileKernel] multiplies them: keys as `[headDim / 2][BLOCK][2]`, values as `[BLOCK /
/// 2][width][2]`, in which the pairs of 32 tokens are token i and token i + 16, because so the
/// weights come out of two vectors.
///
/// Queries of up to [#MOST_ROWS] rows (a row is a token's head) meet one block of keys after the
/// other: scores, softmax as far as it is known, weighted sums that are scaled down when a much
/// larger score comes. So what they work on stays in a core's cache.
final class TileChunks implements ChunkAttention {
  /// Tokens of a block.
  static final int BLOCK = 256;

  /// Tokens whose values stand in pairs.
  static final int PAIRED = 32;

  private static final int MOST_ROWS = 384;

  /// Rows and columns of products are multiples of it, so that few kernels are compiled.
  private static final int UNIT = 64;

  private final ModelConfig config;
  private final TileKernel kernel;
  private final Bfloat16Attention cached;
  private final PagedCache cache;
  private final Activations queries;
  private final Bfloat16Elements elements = new Bfloat16Elements();
  private final int group;
  private final int headDim;
  private final int tokens;
  private final float scale;
  private final long keyBytes;
  private final long blockBytes;
  private final Arena own = Arena.ofShared();

  /// A value of zeros.
  private final long nothing;

  private final GrowingMemory room = new GrowingMemory();
  private long memory;

  /// Of each head's [#PAIRED] tokens, whether their keys may not be numbers.
  private boolean[] suspects = new boolean[0];

  private final List<FlashTile> tiles;

  /// @param queries rotated rows of all heads
  TileChunks(
      ModelConfig config,
      TileKernel kernel,
      Bfloat16Attention cached,
      PagedCache cache,
      Activations queries,
      int lanes) {
    this.config = config;
    this.kernel = kernel;
    this.cached = cached;
    this.cache = cache;
    this.queries = queries;
    group = config.heads() / config.kvHeads();
    headDim = config.headDim();
    tokens = Math.max(1, MOST_ROWS / group);
    scale = (float) (config.attentionScale() / Math.log(2));
    keyBytes = (long) BLOCK * headDim * Short.BYTES;
    blockBytes = keyBytes + (long) BLOCK * cached.width() * Short.BYTES;
    nothing = own.allocate((long) cached.width() * Short.BYTES, 64).address();
    int rows = Math.ceilDiv(tokens * group, UNIT) * UNIT;
    tiles = IntStream.range(0, lanes).mapToObj(_ -> new FlashTile(rows, headDim)).toList();
  }

  @Override
  public int unit() {
    return BLOCK;
  }

  /// Room for the keys and values of all heads.
  @Override
  public void reserve(int rows) {
    memory = room.reserve(blockBytes * (rows / BLOCK) * config.kvHeads()).address();
    int pieces = rows / PAIRED * config.kvHeads();
    if (suspects.length < pieces) suspects = new boolean[Math.max(pieces, 2 * suspects.length)];
  }

  private long keys(int row, int head) {
    return memory + blockBytes * ((long) row / BLOCK * config.kvHeads() + head);
  }

  private long values(int row, int head) {
    return keys(row, head) + keyBytes;
  }

  /// Up to the columns that are multiplied, for what weighs nothing must be a number for that.
  @Override
  public void lay(LaneStep step, int layer, StepBatch.Part part, int first) {
    int end = part.computed() + part.count();
    int padded = Math.ceilDiv(end, UNIT) * UNIT;
    int lanes = step.team().lanes();
    for (int token = step.lane() * PAIRED; token < padded; token += lanes * PAIRED)
      for (int head = 0; head < config.kvHeads(); head++)
        lay(layer, part.blocks(), token, end, head, first + token);
  }

  private void lay(int layer, int[] blocks, int token, int end, int head, int row) {
    long keys = keys(row, head) + 4L * (row % BLOCK);
    boolean numbers = true;
    for (int i = 0; i < PAIRED && token + i < end; i += Model.BLOCK)
      numbers &=
          cached.copyKeys(
              cache.keys(layer, blocks[(token + i) / Model.BLOCK], head), keys + 4L * i);
    suspects[row / PAIRED * config.kvHeads() + head] = !numbers;
    long pairBytes = 2L * Short.BYTES * cached.width();
    long values = values(row, head) + row % BLOCK / 2 * pairBytes;
    for (int i = 0; i < PAIRED / 2; i++)
      cached.copyValues(
          value(layer, blocks, token + i, end, head),
          value(layer, blocks, token + i + PAIRED / 2, end, head),
          values + i * pairBytes);
  }

  /// Where a token's value is; zeros if it is not the part's.
  private long value(int layer, int[] blocks, int token, int end, int head) {
    if (token >= end) return nothing;
    long values = cache.values(layer, blocks[token / Model.BLOCK], head);
    return values + (long) (token % Model.BLOCK) * headDim * Short.BYTES;
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
      long bytes = (long) Short.BYTES * group * headDim;
      for (int i = 0; i < count; i++)
        MemorySegment.copy(
            Simd.MEMORY,
            queries.row(row + i) + bytes * piece.kvHead(),
            Simd.MEMORY,
            tile.queries + bytes * i,
            bytes);
      attend(tile, layer, piece.kvHead(), first, position, count);
      for (int i = 0; i < count * group; i++)
        tile.finish(
            i,
            elements,
            attended.row(row + i / group) + 2L * headDim * (piece.kvHead() * group + i % group));
    }
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
      score(tile, rows, columns, keys);
      if (block + columns <= position + 1 && end - window <= block)
        tile.seeAll(count * group, columns);
      else see(tile, block, columns, position, count, window);
      if (suspect(first + block, columns, kvHead)) tile.refuse(count * group);
      tile.weigh(count * group, scale);
      sum(tile, rows, columns, keys + keyBytes, block > begin);
    }
  }

  private boolean suspect(int row, int columns, int head) {
    for (int i = row / PAIRED; i < (row + columns) / PAIRED; i++)
      if (suspects[i * config.kvHeads() + head]) return true;
    return false;
  }

  private void see(FlashTile tile, int block, int columns, int position, int count, int window) {
    for (int i = 0; i < count; i++) {
      int end = Math.min(columns, position + i + 1 - block);
      int from = Math.max(0, position + i + 1 - window - block);
      for (int head = 0; head < group; head++) tile.see(i * group + head, from, end, columns);
    }
  }

  private void score(FlashTile tile, int rows, int columns, long keys) {
    kernel.multiply(
        rows,
        columns,
        headDim,
        tile.queries,
        headDim,
        keys,
        BLOCK,
        tile.scores,
        FlashTile.STRIDE,
        false);
  }

  private void sum(FlashTile tile, int rows, int columns, long values, boolean adds) {
    kernel.multiply(
        rows,
        headDim,
        columns,
        tile.weights,
        FlashTile.STRIDE,
        values,
        cached.width(),
        tile.sums,
        headDim,
        adds);
  }

  @Override
  public void close() {
    room.close();
    own.close();
    tiles.forEach(FlashTile::close);
  }
}
