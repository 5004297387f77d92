package dev.turnstone.engine.lanes;

import dev.turnstone.engine.ModelConfig;
import java.util.List;

/// Queries and keys as attention wants them: taken from the projection, normed if the family does
/// so, rotated by their positions; queries times the scale of scores.
final class Heads {
  private static final Bfloat16Elements BFLOAT16 = new Bfloat16Elements();

  private final ModelConfig config;
  private final List<Rotary> ropes;

  Heads(ModelConfig config) {
    this.config = config;
    this.ropes =
        config.ropes().stream()
            .map(rope -> new Rotary(rope, config.contextLength(), config.headDim()))
            .toList();
  }

  /// One scaled query head of a row.
  void query(
      float[] to,
      int at,
      Product qkv,
      int row,
      int head,
      int position,
      int layer,
      PackedLayer weights) {
    rotated(to, at, qkv, row, head, position, layer, weights, 0);
    float scale = (float) config.attentionScale();
    for (int i = 0; i < config.headDim(); i++) to[at + i] *= scale;
  }

  /// Stores one query head of a row for a product that scales by itself, or one key head, in bf16.
  ///
  /// @param norm of queries (0) or keys (1), where the family has them
  void store(
      float[] scratch,
      RowProduct qkv,
      int row,
      int head,
      int position,
      int layer,
      PackedLayer weights,
      int norm,
      long to) {
    int rope = config.kinds().get(layer).rope();
    if (weights.headNorms().isEmpty() && rope != ModelConfig.NO_ROPE && ropes.get(rope).stores()) {
      ropes.get(rope).store(qkv.at(row, head * config.headDim()), position, BFLOAT16, to);
    } else {
      rotated(scratch, 0, qkv, row, head, position, layer, weights, norm);
      BFLOAT16.store(scratch, to);
    }
  }

  /// Stores a row's query heads of one KV head side by side, for a product that scales by itself.
  ///
  /// @param scratch of just their size
  void queries(
      float[] scratch,
      Product qkv,
      int row,
      int kvHead,
      int position,
      int layer,
      PackedLayer weights,
      Elements elements,
      long to) {
    int group = config.heads() / config.kvHeads();
    for (int i = 0; i < group; i++)
      rotated(
          scratch, i * config.headDim(), qkv, row, kvHead * group + i, position, layer, weights, 0);
    elements.store(scratch, to);
  }

  /// One key head of a row.
  void key(
      float[] to, Product qkv, int row, int kvHead, int position, int layer, PackedLayer weights) {
    rotated(to, 0, qkv, row, config.heads() + kvHead, position, layer, weights, 1);
  }

  /// One value head of a row, as it is.
  void value(float[] to, Product qkv, int row, int kvHead) {
    int head = config.heads() + config.kvHeads() + kvHead;
    qkv.copyTo(row, head * config.headDim(), config.headDim(), to, 0);
  }

  private void rotated(
      float[] to,
      int at,
      Product qkv,
      int row,
      int head,
      int position,
      int layer,
      PackedLayer weights,
      int norm) {
    qkv.copyTo(row, head * config.headDim(), config.headDim(), to, at);
    if (!weights.headNorms().isEmpty()) weights.headNorms().get(norm).apply(to, at);
    int rope = config.kinds().get(layer).rope();
    if (rope != ModelConfig.NO_ROPE) ropes.get(rope).apply(to, at, position);
  }
}
