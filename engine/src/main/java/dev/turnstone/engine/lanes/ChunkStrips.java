package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;

/// A lane's heads of queries, keys and values of chunks, rotated and put where they belong while
/// the rows that they came in are near: keys and values into the cache, queries as bf16.
final class ChunkStrips {
  private final ModelConfig config;
  private final Heads heads;
  private final Bfloat16Attention kernel;
  private final PagedCache cache;
  private final ChunkRows rows;
  private final Activations queries;

  /// @param queries rows of all query heads
  ChunkStrips(
      ModelConfig config,
      Heads heads,
      Bfloat16Attention kernel,
      PagedCache cache,
      ChunkRows rows,
      Activations queries) {
    this.config = config;
    this.heads = heads;
    this.kernel = kernel;
    this.cache = cache;
    this.rows = rows;
    this.queries = queries;
  }

  /// Strips of one lane's columns in one layer.
  ///
  /// @param whole where rows go that somebody else wants
  TileProjection.Strips of(
      LaneStep step, int layer, PackedLayer weights, Shares columns, RowProduct whole) {
    int from = columns.first(step.lane()) / config.headDim();
    int to = columns.end(step.lane()) / config.headDim();
    return of(step, layer, weights, from, to, whole);
  }

  /// Strips of all columns.
  TileProjection.Strips of(LaneStep step, int layer, PackedLayer weights, RowProduct whole) {
    return of(step, layer, weights, 0, config.heads() + 2 * config.kvHeads(), whole);
  }

  private TileProjection.Strips of(
      LaneStep step, int layer, PackedLayer weights, int from, int to, RowProduct whole) {
    return new TileProjection.Strips() {
      @Override
      public RowProduct product(int first, int end) {
        int last = Math.min(end, step.batch().rows());
        return held(step.batch(), first, last) == last - first
            ? whole.movedTo(step.scratch().strip, first)
            : whole;
      }

      @Override
      public void take(int first, int end, RowProduct product) {
        for (StepBatch.Part part : step.batch().parts()) {
          if (!rows.holds(part)) continue;
          int last = Math.min(end, part.row() + part.count());
          for (int row = Math.max(first, part.row()); row < last; row++)
            for (int head = from; head < to; head++)
              place(step.scratch(), layer, weights, part, row, head, product);
        }
      }
    };
  }

  /// Rows of `[first, end)` that are a chunk's.
  private int held(StepBatch batch, int first, int end) {
    int count = 0;
    for (StepBatch.Part part : batch.parts())
      if (rows.holds(part))
        count +=
            Math.max(0, Math.min(end, part.row() + part.count()) - Math.max(first, part.row()));
    return count;
  }

  private void place(
      LaneScratch scratch,
      int layer,
      PackedLayer weights,
      StepBatch.Part part,
      int row,
      int head,
      RowProduct qkv) {
    int position = part.computed() + row - part.row();
    if (head < config.heads()) {
      long to = queries.row(row) + (long) Short.BYTES * head * config.headDim();
      heads.store(scratch.key, qkv, row, head, position, layer, weights, 0, to);
      return;
    }
    int block = part.blocks()[position / Model.BLOCK];
    int kvHead = (head - config.heads()) % config.kvHeads();
    if (head < config.heads() + config.kvHeads()) {
      heads.store(scratch.key, qkv, row, head, position, layer, weights, 1, scratch.row);
      kernel.writeKey(cache.keys(layer, block, kvHead), position % Model.BLOCK, scratch.row);
    } else {
      heads.value(scratch.value, qkv, row, kvHead);
      kernel.writeValue(cache.values(layer, block, kvHead), position % Model.BLOCK, scratch.value);
    }
  }
}
