package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.StepBatch;
import jdk.incubator.vector.FloatVector;

/// Attention of one token over its sequence's blocks, in place: scores, softmax, weighted sum, for
/// the query heads of one KV head. Cost is linear in the tokens it sees, and its sums run in their
/// order, so the result does not depend on what else is in the step.
final class RowAttention {
  /// Tokens that are scored before their values are summed, so that these, which come with the
  /// keys, are still in a core's cache.
  private static final int NEAR = 2048;

  private final AttentionKernel kernel;
  private final PagedCache cache;
  private final Heads heads;
  private final Elements elements;
  private final int group;
  private final int headDim;

  RowAttention(
      ModelConfig config,
      AttentionKernel kernel,
      PagedCache cache,
      Heads heads,
      Elements elements) {
    this.kernel = kernel;
    this.cache = cache;
    this.heads = heads;
    this.elements = elements;
    this.group = config.heads() / config.kvHeads();
    this.headDim = config.headDim();
  }

  /// @param window keys that are seen at most
  /// @param to where the token's row of attention results begins
  void apply(
      LaneScratch lane,
      int layer,
      StepBatch.Part part,
      int index,
      int kvHead,
      int window,
      PackedLayer weights,
      Product qkv,
      long to) {
    int position = part.computed() + index;
    int end = position + 1;
    int first = Math.max(0, end - window);
    address(lane, layer, part.blocks(), first, end, kvHead);
    for (int head = 0; head < group; head++)
      heads.query(
          lane.query,
          head * headDim,
          qkv,
          part.row() + index,
          kvHead * group + head,
          position,
          layer,
          weights);
    for (int head = 0; head < group; head += AttentionKernel.MOST_HEADS) {
      int some = Math.min(AttentionKernel.MOST_HEADS, group - head);
      long at = to + (long) (kvHead * group + head) * headDim * elements.bytes();
      attend(lane, head, some, first, end, at);
    }
  }

  private void address(LaneScratch lane, int layer, int[] blocks, int first, int end, int kvHead) {
    int block = first / Model.BLOCK;
    int last = (end - 1) / Model.BLOCK;
    for (; block <= last; block++) {
      lane.keys[block] = cache.keys(layer, blocks[block], kvHead);
      lane.values[block] = cache.values(layer, blocks[block], kvHead);
    }
    // Some are scored or fetched beyond the end; what comes of it is not used.
    for (int i = block; i < block + AttentionKernel.BEYOND; i++)
      lane.keys[i] = cache.keys(layer, 0, kvHead);
  }

  private void attend(LaneScratch lane, int head, int some, int first, int end, long to) {
    int start = first / Model.BLOCK * Model.BLOCK;
    for (int token = start; token < end; token += NEAR) {
      attend(lane, head, some, token, Math.max(first, token), Math.min(end, token + NEAR));
      for (int i = 0; i < some; i++)
        if (token == start) lane.all.set(lane.part, i);
        else lane.all.add(lane.part, i);
    }
    for (int i = 0; i < some; i++)
      store(lane.all.values, i * kernel.width(), 1 / lane.all.totals[i], to, i * headDim);
  }

  /// The part of the tokens `[first, end)`, in blocks from `start` on.
  private void attend(LaneScratch lane, int head, int some, int start, int first, int end) {
    int step = AttentionKernel.STRIPS * Simd.WIDTH;
    int from = head * headDim;
    for (int token = start; token < end; token += step)
      lane.touched +=
          kernel.score(lane.keys, token, lane.query, from, some, lane.scores, lane.stride);
    // Weights are left unnormalised; what is gathered is divided instead.
    for (int i = 0; i < some; i++) weigh(lane, i, start, first, end);
    kernel.gather(lane.values, first, end, lane.scores, lane.stride, some, lane.part.values);
  }

  /// Turns a head's scores into weights.
  private static void weigh(LaneScratch lane, int head, int start, int first, int end) {
    float[] scores = lane.scores;
    int at = head * lane.stride;
    int padded = start + Math.ceilDiv(end - start, Simd.WIDTH) * Simd.WIDTH;
    for (int i = start; i < first; i++) scores[at + i] = Float.NEGATIVE_INFINITY;
    for (int i = end; i < padded; i++) scores[at + i] = Float.NEGATIVE_INFINITY;
    FloatVector most = Simd.all(Float.NEGATIVE_INFINITY);
    for (int i = start; i < padded; i += Simd.WIDTH)
      most = most.max(FloatVector.fromArray(Simd.FLOATS, scores, at + i));
    float max = Simd.max(most, lane.vector);
    FloatVector total = Simd.zero();
    for (int i = start; i < padded; i += Simd.WIDTH) {
      FloatVector weight =
          Exponential.of(FloatVector.fromArray(Simd.FLOATS, scores, at + i).sub(max));
      weight.intoArray(scores, at + i);
      total = total.add(weight);
    }
    lane.part.mosts[head] = max;
    lane.part.totals[head] = Float.isFinite(max) ? Simd.sum(total, lane.vector) : Float.NaN;
  }

  private void store(float[] sums, int from, float factor, long to, int dimension) {
    int size = elements.bytes();
    int i = 0;
    for (; i <= headDim - Simd.WIDTH; i += Simd.WIDTH)
      elements.store(
          FloatVector.fromArray(Simd.FLOATS, sums, from + i).mul(factor),
          to + (long) size * (dimension + i));
    for (; i < headDim; i++)
      elements.put(to + (long) size * (dimension + i), sums[from + i] * factor);
  }
}
